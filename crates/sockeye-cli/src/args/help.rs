//! The parts of the help that are not about one flag.

/// What `sockeye --help` says first.
pub(crate) const ABOUT: &str = "Moves files between two machines: no account, no server, no internet";

/// The rest of it.
pub(crate) const LONG_ABOUT: &str = "\
Moves files between two machines: no account, no server, no internet.

One machine sends and prints a short code; the other types it. The two find each other on the local network, prove to \
each other that they know the code, and move the files over an encrypted connection. Every byte is verified before a \
file gets its name, and a transfer that broke off goes on where it stopped when the same command is given again.";

// What follows is shown as it stands, here and in the man pages: lines of at most 78 columns.

/// What `sockeye --help` says last.
pub(crate) const AFTER: &str = "\
Examples:
  sockeye send holiday/
      here: prints a code, say 4821-tulip-harbor
  sockeye receive 4821-tulip-harbor
      there: takes it; `sockeye 4821-tulip-harbor` does the same

Exit codes:
    0  done
    1  the network failed, or the other side was interrupted
    2  the command cannot be carried out as typed
    3  the other side breaks the protocol or speaks another version
    4  timed out
    5  declined, here or there
    6  authentication failed: a wrong or used-up code, or not the remembered
       machine
    7  a file or directory here cannot be used
    8  a file or directory there cannot be used
    9  bytes arrived with another digest than they were sent with
   10  no machine found
   11  partly done: some entries did not arrive; they are listed
  130  interrupted

Environment:
  SOCKEYE_CODE  the code for `send` and `receive`; unlike an argument it does
                not show in the list of processes
  SOCKEYE_HOME  directory for this machine's identity and the remembered
                machines, instead of the user's own
  NO_COLOR      no colours in the help; nothing else is coloured";

pub(crate) const SEND: &str = "\
Examples:
  sockeye send report.pdf photos/
      prints a code and the line to type on the other machine
  tar c src | sockeye send -
      sends what the pipe brings; there: sockeye receive CODE -o - | tar x
  sockeye send --many lesson.zip
      to a whole class at once: each runs sockeye receive CODE, Enter begins
  sockeye send --many --receivers 12 --max-rate 80Mbit image.iso
      begins when twelve are ready; without --max-rate it finds its own rate

What is sent keeps its names, permissions and times. A directory goes with all
that is in it; symbolic links travel when they point inside what is sent. If a
transfer breaks off, the receiver can come back without a new code while this
command runs.";

pub(crate) const RECEIVE: &str = "\
Examples:
  sockeye receive 4821-tulip-harbor
      finds the sender on this network, shows what it offers, asks
  sockeye receive 4821-tulip-harbor@192.168.1.5 -y -o in
      dials an address, asks nothing, writes into `in`

Without a code it asks for one; Tab completes the words. A file that is here
already and equal is not sent again; one that differs is left alone and
reported, unless --overwrite, --rename or --skip says otherwise. If a transfer
breaks off, the same command goes on where it stopped.";

pub(crate) const PEERS: &str = "\
Examples:
  sockeye peers
      who announces itself on this network
  sockeye peers --wait 10s -i eth0
      the same, longer, on one interface

Shown are machines that run `sockeye send`, or `sockeye receive --listen`.
What is not in the column REMEMBERED is only what a machine says of itself.";

pub(crate) const TRUST: &str = "\
Examples:
  sockeye trust
      the remembered machines
  sockeye trust rename laptop old-laptop
      calls one something else

A machine is remembered by `--remember NAME` in a transfer. From then on
`sockeye send --to NAME` reaches it without a code while it runs
`sockeye receive --listen`.";

pub(crate) const TRUST_LIST: &str = "\
Examples:
  sockeye trust list
      a table
  sockeye trust list --json
      the same for a program, with the whole keys";

pub(crate) const TRUST_RENAME: &str = "\
Examples:
  sockeye trust rename laptop old-laptop
      the name is this machine's own: the other one never learns it
  sockeye trust rename old-laptop \"Ann's laptop\"
      a name may have spaces";

pub(crate) const TRUST_REMOVE: &str = "\
Examples:
  sockeye trust remove old-laptop
      next time it needs a code again
  sockeye trust remove old-laptop --json
      the same for a program";

pub(crate) const DEMO: &str = "\
Examples:
  sockeye demo
      into a new directory among the temporary files
  sockeye demo -o pictures
      into a directory of your choice

First one `sockeye send` and one `sockeye receive` move a picture; then one
`sockeye send --many` brings it to three receivers at once, in packets to a
multicast group. Each is a process of its own, with an identity of its own.
The pictures that arrive are compared, byte for byte, with the one that was
sent.";

pub(crate) const CONNECT: &str = "\
Examples:
  sockeye connect -f dec:4 localhost:9000
      each line becomes a message with four digits of length before it
  sockeye connect example.org:80 < request
      sends a file, prints the answer; the file's end is told to the server
  echo hello | sockeye connect 'udp://192.168.1.255:9999?broadcast'
      each line is a datagram; broadcast must be asked for

Endpoints: tcp tcp4 tcp6 tls tls4 tls6 udp udp4 udp6 unix unixgram unixseq, as
in tls://host:443?ca=my.pem; without a scheme HOST:PORT is TCP, a path or @NAME
is a unix stream. Options behind ? change the socket: nodelay, sndbuf=64KiB,
bind=ADDRESS, ttl=4, iface=eth0 and more; a wrong one lists them. fd://3 is a
connection that is open as descriptor 3 already; - or stdio:// is standard
input and output, for `sockeye relay`.

When standard input ends, the other side is told so and may still answer; when
the other side ends first, standard input is still sent. The command ends when
both have ended; at a terminal also when nothing is typed any more.

Exit codes: 0 done, 1 the network failed (a reset too), 2 not as typed, 3 what
came does not parse, 4 timed out or too few messages, 6 a certificate is not
trusted, 7 a local file, 130 interrupted.";

pub(crate) const LISTEN: &str = "\
Examples:
  sockeye listen :9000 > picture.png
      here; there: sockeye connect HOST:9000 < picture.png
  sockeye listen -k --json -f \"mark:'{2H:'..':}'\" :9000
      many callers at once, a JSON object for each message
  sockeye listen 'udp://239.1.1.1:5000?iface=eth0'
      joins the group and shows each datagram
  sockeye listen -k --echo :7
      sends everything back

Endpoints are those of `sockeye connect`. Port 0 is any free port; which one is
told on standard error. A tls:// listener without ?cert= makes a certificate
and tells its fingerprint. With datagrams, standard input goes to whoever sent
last.

Exit codes are those of `sockeye connect`.";

pub(crate) const ADDR: &str = "\
Examples:
  sockeye addr 192.168.1.37/24
      its bits, what it is for, its network, first and last host
  sockeye addr eth0 --broadcast
      prints the broadcast address, for scripts
  sockeye addr :443
      what the port is called, and whether it is reserved
  sockeye addr
      all interfaces";

pub(crate) const RESOLVE: &str = "\
Examples:
  sockeye resolve example.org:https
      the addresses in the order in which a connection tries them
  sockeye resolve 192.0.2.1
      the name of an address

Exit codes: 0 found, 1 not found, 2 not as typed, 4 no answer in time.";

pub(crate) const OPTS: &str = "\
Examples:
  sockeye opts example.org:80
      connects and lists every option of the socket
  sockeye opts :0 --set sndbuf=64KiB --set SOL_SOCKET:SO_RCVBUF=65536
      listens at any free port; shows both sizes before and after
  sockeye opts localhost:9000 --queues --tcp-info=500ms
      how much waits in each buffer, and what TCP knows
  sockeye opts localhost:9000 --queues --read 4KiB
      the same with a reader of 4 KiB a second
  sockeye opts 'udp://239.1.1.1:5000?iface=eth0' --get mttl --get loop
      the options of a socket that sends to a group

HOST:PORT and paths are connected to; with --listen they are listened at. So
are :PORT, *:PORT and port 0, without being asked. A UDP socket is connected
to its one peer, or bound; a group is sent to, or joined.

Without --read nothing is read: what the other side sends fills the receive
buffer, until there is no room and the other side must wait. Its end is seen
only behind what it sent.

Each option is shown with its constant and number, as getsockopt(2) takes
them, the type of its value, and what the kernel answers. What is answered can
differ from what was asked: Linux doubles the sizes of buffers, to have room
for its own books.

Exit codes: 0 done, 1 the network failed (a reset too), 2 not as typed, or an
option was refused, 4 timed out, 7 a local file, 130 interrupted.";

pub(crate) const FRAME: &str = "\
Examples:
  printf 'AAA\\nBBBB\\n' | sockeye frame encode -f dec:4
      writes 0003AAA0004BBBB
  sockeye frame decode -f len:u32be --out hex capture.bin
      each message on a line
  sockeye frame encode -f netstring --out c messages.txt
      each frame on a line, as a string of C has it
  sockeye frame decode -f dec:4 --in hex --count 2 dump.txt
      the first two messages of a capture that was written in digits
  sockeye frame guess capture.bin
      which framings it could be in

A framing is written in one word: raw line crlf nul delim:'X' fixed:N
mark:'A'..'B' len:u32be dec:N hex:N varint netstring octet-count
content-length chunked json slip cobs, or for short dns tpkt erlang:4 protobuf
lsp adb iperf3 mysql sticky4 stx-etx mllp dle. Behind commas stand max=64KiB,
oversize=skip and more; specs/00-framing.md has all of it.

Exit codes: 0 done, 2 not as typed, 3 the input does not parse, or no framing
fits, 4 fewer messages than --count, 7 a local file.";

pub(crate) const RELAY: &str = "\
Examples:
  sockeye relay --listen :9000 --connect db:5432 -f len:u32be,offset=1,counts=rest --json
      shows each message both ways, and forwards it as it came
  sockeye relay --listen :9000 --connect app:9001 --split random:7 --delay 20ms
      torn reads and a long way, to see what a program makes of them
  sockeye relay --listen udp://:5000 --connect udp://host:5000 --loss 1%
      a link that loses
  sockeye relay --listen :514 --connect udp://log:514 -f octet-count
      messages of a stream become datagrams, and answers come back

One way ends when its sender ends it (FIN); a reset is passed on as a reset.
With --rate, no more than 10 ms of it passes at once.

Exit codes are those of `sockeye connect`; one connection that fails does not
end the others.";
