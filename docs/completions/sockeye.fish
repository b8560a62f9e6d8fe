# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sockeye_global_optspecs
    string join \n h/help V/version
end

function __fish_sockeye_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sockeye_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sockeye_using_subcommand
    set -l cmd (__fish_sockeye_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sockeye -n "__fish_sockeye_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_needs_command" -s V -l version -d 'Print version'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "send" -d 'Send files and directories: prints a code for the other machine'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "receive" -d 'Receive what another machine sends: takes its code'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "recv" -d 'Receive what another machine sends: takes its code'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "peers" -d 'List the machines that announce themselves on this network'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "trust" -d 'List, rename or forget the machines that are remembered'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "connect" -d 'Connect to an endpoint: standard input goes there, what comes goes to standard output'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "c" -d 'Connect to an endpoint: standard input goes there, what comes goes to standard output'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "listen" -d 'Listen at an endpoint: what comes goes to standard output, standard input goes back'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "l" -d 'Listen at an endpoint: what comes goes to standard output, standard input goes back'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "relay" -d 'Carry callers of one endpoint to another: a proxy that knows messages, and a link as bad as is wished for'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "frame" -d 'Framings as a filter: encode, decode, or guess which one a capture is in'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "addr" -d 'Show what is in an address, what an interface has, what a port is called'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "resolve" -d 'Look a name up as this system does: its addresses in their order, and how long it took'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "opts" -d 'Show what a socket is, its options and its buffers, and set options'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "demo" -d 'Move a picture between processes of this machine, over real sockets, and verify it'
complete -c sockeye -n "__fish_sockeye_needs_command" -f -a "generate" -d 'Write man pages, completions and the help texts into a directory'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l exclude -d 'Leave out what matches this pattern, by name or by path (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l to -d 'Go to a machine that runs `sockeye receive --listen`, instead of waiting for one to come' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l code -d 'Use this code instead of a random one; with --to HOST, the code shown there' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l receivers -d 'Begin when so many receivers are ready' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l wait -d 'Begin after this time with those who are ready, like 30s; with nobody there, with the first who is' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l start -d '`now`: begin with the first receiver that is ready' -r -f -a "now\t'With the first receiver'"
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l group -d 'Send to this multicast group (default: one drawn from 239.255.0.0/16 and ff12::/32)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l ttl -d 'How many networks packets may cross (default: 1, this one only)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l max-rate -d 'Never send faster than this, headers of packets included, like 100Mbit or 20M (bytes) a second' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l mtu -d 'Bytes of the largest packet that the network carries (default: 1500)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l code-file -d 'Read the code from the first line of a file; `-` is standard input' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l words -d 'How many secret words a code made here has, 2 to 6 (default: 2; with --many 3)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l remember -d 'Remember the other machine under this name, so that no code is needed next time' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l name -d 'Tell the other machine, and the network, this name; without it none is told' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l timeout -d 'How long to wait for the other machine, like 30s or 2h (default: 10m)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s p -l port -d 'TCP port to listen on, or to dial (default: 46710; a listener falls back to a free one)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s i -l interface -d 'Use only this network interface (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l many -d 'Send to any number of machines at once: what several need crosses the network once'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l linger -d 'Go on serving receivers that come later, until interrupted'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l broadcast -d 'Send to the network\'s broadcast address instead of a group'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s y -l yes -d 'Ask nothing; `receive` accepts what is offered'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l no-discovery -d 'Neither announce nor search on the network: the other side needs the address too'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l quiet -d 'Print only errors, and a code that was made here'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l json -d 'Write every event as one line of JSON to standard output; nothing is asked'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -l stats -d 'Say at the end where the time went'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s v -l verbose -d 'Say more; twice and three times for the library\'s own log'
complete -c sockeye -n "__fish_sockeye_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s o -l output -l out -d 'Directory to write into (default: the current one); `-` writes a single file to standard output' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l max-size -d 'Refuse offers of more bytes than this, like 500M or 4GiB' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l code-file -d 'Read the code from the first line of a file; `-` is standard input' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l words -d 'How many secret words a code made here has, 2 to 6 (default: 2; with --many 3)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l remember -d 'Remember the other machine under this name, so that no code is needed next time' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l name -d 'Tell the other machine, and the network, this name; without it none is told' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l timeout -d 'How long to wait for the other machine, like 30s or 2h (default: 10m)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s p -l port -d 'TCP port to listen on, or to dial (default: 46710; a listener falls back to a free one)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s i -l interface -d 'Use only this network interface (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l listen -d 'Wait for the sender instead of going to it: prints a code for `sockeye send --to`'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l keep -d 'Go on receiving from remembered machines until interrupted; implies --listen'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l pair -d 'With --keep: also show a code, good for ten minutes, so that a new machine can come'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l overwrite -d 'Put the new file in the place of one that is here and differs'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l rename -d 'Write the new file beside one that is here and differs, as `name (2)`'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l skip -d 'Leave files that are here alone, without counting that as a failure'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l portable-names -d 'Refuse names that some other system could not hold'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s y -l yes -d 'Ask nothing; `receive` accepts what is offered'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l no-discovery -d 'Neither announce nor search on the network: the other side needs the address too'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l quiet -d 'Print only errors, and a code that was made here'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l json -d 'Write every event as one line of JSON to standard output; nothing is asked'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -l stats -d 'Say at the end where the time went'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s v -l verbose -d 'Say more; twice and three times for the library\'s own log'
complete -c sockeye -n "__fish_sockeye_using_subcommand receive" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s o -l output -l out -d 'Directory to write into (default: the current one); `-` writes a single file to standard output' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l max-size -d 'Refuse offers of more bytes than this, like 500M or 4GiB' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l code-file -d 'Read the code from the first line of a file; `-` is standard input' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l words -d 'How many secret words a code made here has, 2 to 6 (default: 2; with --many 3)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l remember -d 'Remember the other machine under this name, so that no code is needed next time' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l name -d 'Tell the other machine, and the network, this name; without it none is told' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l timeout -d 'How long to wait for the other machine, like 30s or 2h (default: 10m)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s p -l port -d 'TCP port to listen on, or to dial (default: 46710; a listener falls back to a free one)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s i -l interface -d 'Use only this network interface (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l listen -d 'Wait for the sender instead of going to it: prints a code for `sockeye send --to`'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l keep -d 'Go on receiving from remembered machines until interrupted; implies --listen'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l pair -d 'With --keep: also show a code, good for ten minutes, so that a new machine can come'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l overwrite -d 'Put the new file in the place of one that is here and differs'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l rename -d 'Write the new file beside one that is here and differs, as `name (2)`'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l skip -d 'Leave files that are here alone, without counting that as a failure'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l portable-names -d 'Refuse names that some other system could not hold'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s y -l yes -d 'Ask nothing; `receive` accepts what is offered'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l no-discovery -d 'Neither announce nor search on the network: the other side needs the address too'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l quiet -d 'Print only errors, and a code that was made here'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l json -d 'Write every event as one line of JSON to standard output; nothing is asked'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -l stats -d 'Say at the end where the time went'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s v -l verbose -d 'Say more; twice and three times for the library\'s own log'
complete -c sockeye -n "__fish_sockeye_using_subcommand recv" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand peers" -l wait -d 'How long to listen, like 5s (default: 2s)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand peers" -s i -l interface -d 'Use only this network interface (repeatable)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand peers" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand peers" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -f -a "list" -d 'List the remembered machines (also what `sockeye trust` alone does)'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -f -a "rename" -d 'Call a remembered machine something else'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and not __fish_seen_subcommand_from list rename remove" -f -a "remove" -d 'Forget a machine: it needs a code again'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from list" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from rename" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from remove" -l json -d 'Write one line of JSON for each machine'
complete -c sockeye -n "__fish_sockeye_using_subcommand trust; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s p -l source-port -d 'Connect from this port' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s s -l source -d 'Connect from this address of this machine' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s f -l framing -d 'Framing of messages both ways, like dec:4, len:u32be, line, mark:\'{2H:\'..\':}\'' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l fin -d 'Framing of what is received' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l fout -d 'Framing of what is sent' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l in -d 'What standard input is: raw, text, hex, c, base64, json, or messages in a framing (default: raw, with a framing or datagrams text)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l out -d 'How messages are written to standard output: auto, text, hex, c, base64, json, raw, none, or in a framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l read-size -d 'Bytes that one read may take, the size given to recv: a small one tears messages (default: 65536)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l count -d 'End after this many messages were received; fewer are a failure (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l idle -d 'Give up when nothing was sent or received for this long (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s w -l wait -d 'How long connecting may take (default: 30s), or waiting for the first caller (default: for ever)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s q -l quit -d 'How long to wait for the other side after standard input has ended (default: for ever; connected with datagrams, which have no end, 1s, or with --count until those have come)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l on-eof -d 'What the end of standard input does (default: half-close, with -k hold)' -r -f -a "half-close\t'Tell the other side that no more comes, and wait for what it sends'
close\t'Close the connection'
hold\t'Nothing: wait for the other side'"
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l split -d 'How what is sent is cut into writes: one (each message), all, bytes, random[:SEED], header' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s i -l pace -d 'Writes a second, like 10/s, or the time between them, like 100ms' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l stats -d 'Tell every so often (default: each second) how full the socket\'s buffers are and what keeps it from being faster' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s z -l probe -d 'Connect and say how long it took; send and receive nothing'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s t -l time -d 'Show when each message came'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s N -l shutdown -d 'The same as --on-eof half-close'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s u -l udp -d 'The endpoint has no scheme and is UDP'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s n -l numeric -d 'Look no names up: hosts are addresses, ports are numbers'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s C -l crlf -d 'End lines with CR and LF when sending: the same as --fout crlf'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l json -d 'Write one JSON object for each event to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -l quiet -d 'Say nothing but errors'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s v -l verbose -d 'Tell each read and write too'
complete -c sockeye -n "__fish_sockeye_using_subcommand connect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s p -l source-port -d 'Connect from this port' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s s -l source -d 'Connect from this address of this machine' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s f -l framing -d 'Framing of messages both ways, like dec:4, len:u32be, line, mark:\'{2H:\'..\':}\'' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l fin -d 'Framing of what is received' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l fout -d 'Framing of what is sent' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l in -d 'What standard input is: raw, text, hex, c, base64, json, or messages in a framing (default: raw, with a framing or datagrams text)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l out -d 'How messages are written to standard output: auto, text, hex, c, base64, json, raw, none, or in a framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l read-size -d 'Bytes that one read may take, the size given to recv: a small one tears messages (default: 65536)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l count -d 'End after this many messages were received; fewer are a failure (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l idle -d 'Give up when nothing was sent or received for this long (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s w -l wait -d 'How long connecting may take (default: 30s), or waiting for the first caller (default: for ever)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s q -l quit -d 'How long to wait for the other side after standard input has ended (default: for ever; connected with datagrams, which have no end, 1s, or with --count until those have come)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l on-eof -d 'What the end of standard input does (default: half-close, with -k hold)' -r -f -a "half-close\t'Tell the other side that no more comes, and wait for what it sends'
close\t'Close the connection'
hold\t'Nothing: wait for the other side'"
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l split -d 'How what is sent is cut into writes: one (each message), all, bytes, random[:SEED], header' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s i -l pace -d 'Writes a second, like 10/s, or the time between them, like 100ms' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l stats -d 'Tell every so often (default: each second) how full the socket\'s buffers are and what keeps it from being faster' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s z -l probe -d 'Connect and say how long it took; send and receive nothing'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s t -l time -d 'Show when each message came'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s N -l shutdown -d 'The same as --on-eof half-close'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s u -l udp -d 'The endpoint has no scheme and is UDP'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s n -l numeric -d 'Look no names up: hosts are addresses, ports are numbers'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s C -l crlf -d 'End lines with CR and LF when sending: the same as --fout crlf'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l json -d 'Write one JSON object for each event to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -l quiet -d 'Say nothing but errors'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s v -l verbose -d 'Tell each read and write too'
complete -c sockeye -n "__fish_sockeye_using_subcommand c" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l max-clients -d 'With -k: callers served at once; the next ones wait their turn. 1 serves one after another' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l message-timeout -d 'Drop a caller whose message takes longer than this from its first byte to its last (default with -k: 60s; 0s never)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s f -l framing -d 'Framing of messages both ways, like dec:4, len:u32be, line, mark:\'{2H:\'..\':}\'' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l fin -d 'Framing of what is received' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l fout -d 'Framing of what is sent' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l in -d 'What standard input is: raw, text, hex, c, base64, json, or messages in a framing (default: raw, with a framing or datagrams text)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l out -d 'How messages are written to standard output: auto, text, hex, c, base64, json, raw, none, or in a framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l read-size -d 'Bytes that one read may take, the size given to recv: a small one tears messages (default: 65536)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l count -d 'End after this many messages were received; fewer are a failure (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l idle -d 'Give up when nothing was sent or received for this long (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s w -l wait -d 'How long connecting may take (default: 30s), or waiting for the first caller (default: for ever)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s q -l quit -d 'How long to wait for the other side after standard input has ended (default: for ever; connected with datagrams, which have no end, 1s, or with --count until those have come)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l on-eof -d 'What the end of standard input does (default: half-close, with -k hold)' -r -f -a "half-close\t'Tell the other side that no more comes, and wait for what it sends'
close\t'Close the connection'
hold\t'Nothing: wait for the other side'"
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l split -d 'How what is sent is cut into writes: one (each message), all, bytes, random[:SEED], header' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s i -l pace -d 'Writes a second, like 10/s, or the time between them, like 100ms' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l stats -d 'Tell every so often (default: each second) how full the socket\'s buffers are and what keeps it from being faster' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s k -l keep -d 'Go on listening, with many callers at once. Listeners of datagrams do without it, also after standard input has ended'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l echo -d 'Send each message back to where it came from, instead of sending standard input'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s t -l time -d 'Show when each message came'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s N -l shutdown -d 'The same as --on-eof half-close'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s u -l udp -d 'The endpoint has no scheme and is UDP'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s n -l numeric -d 'Look no names up: hosts are addresses, ports are numbers'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s C -l crlf -d 'End lines with CR and LF when sending: the same as --fout crlf'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l json -d 'Write one JSON object for each event to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -l quiet -d 'Say nothing but errors'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s v -l verbose -d 'Tell each read and write too'
complete -c sockeye -n "__fish_sockeye_using_subcommand listen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l max-clients -d 'With -k: callers served at once; the next ones wait their turn. 1 serves one after another' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l message-timeout -d 'Drop a caller whose message takes longer than this from its first byte to its last (default with -k: 60s; 0s never)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s f -l framing -d 'Framing of messages both ways, like dec:4, len:u32be, line, mark:\'{2H:\'..\':}\'' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l fin -d 'Framing of what is received' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l fout -d 'Framing of what is sent' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l in -d 'What standard input is: raw, text, hex, c, base64, json, or messages in a framing (default: raw, with a framing or datagrams text)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l out -d 'How messages are written to standard output: auto, text, hex, c, base64, json, raw, none, or in a framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l read-size -d 'Bytes that one read may take, the size given to recv: a small one tears messages (default: 65536)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l count -d 'End after this many messages were received; fewer are a failure (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l idle -d 'Give up when nothing was sent or received for this long (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s w -l wait -d 'How long connecting may take (default: 30s), or waiting for the first caller (default: for ever)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s q -l quit -d 'How long to wait for the other side after standard input has ended (default: for ever; connected with datagrams, which have no end, 1s, or with --count until those have come)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l on-eof -d 'What the end of standard input does (default: half-close, with -k hold)' -r -f -a "half-close\t'Tell the other side that no more comes, and wait for what it sends'
close\t'Close the connection'
hold\t'Nothing: wait for the other side'"
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l split -d 'How what is sent is cut into writes: one (each message), all, bytes, random[:SEED], header' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s i -l pace -d 'Writes a second, like 10/s, or the time between them, like 100ms' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l stats -d 'Tell every so often (default: each second) how full the socket\'s buffers are and what keeps it from being faster' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s k -l keep -d 'Go on listening, with many callers at once. Listeners of datagrams do without it, also after standard input has ended'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l echo -d 'Send each message back to where it came from, instead of sending standard input'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s t -l time -d 'Show when each message came'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s N -l shutdown -d 'The same as --on-eof half-close'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s u -l udp -d 'The endpoint has no scheme and is UDP'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s n -l numeric -d 'Look no names up: hosts are addresses, ports are numbers'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s C -l crlf -d 'End lines with CR and LF when sending: the same as --fout crlf'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l json -d 'Write one JSON object for each event to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -l quiet -d 'Say nothing but errors'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s v -l verbose -d 'Tell each read and write too'
complete -c sockeye -n "__fish_sockeye_using_subcommand l" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l listen -d 'Where callers come to' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l connect -d 'Where each of them is carried to' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -s f -l framing -d 'Framing of messages both ways: they are shown, and forwarded whole, each as it came' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l fin -d 'Framing of what callers send' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l fout -d 'Framing of what is sent back to them' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l out -d 'How messages are written to standard output: auto, text, hex, c, base64, json, raw, none, or in a framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l record -d 'Write all that goes either way into this new file, one JSON object a line' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l split -d 'How what is forwarded is cut into writes: one (each message or read), bytes, random[:SEED], header' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l delay -d 'Let everything wait for this long, each way' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l rate -d 'Let no more through each way than this, like 10mbit (a second) or 1.25MB (bytes a second)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l loss -d 'Lose this share of datagrams, like 1%' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l seed -d 'Draw what is random from this seed, to have it again' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l reset-after -d 'Reset each connection after so many bytes (64KiB) or so long (5s)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l max-clients -d 'Callers carried at once (default: 10240); the next ones wait their turn. Of senders of datagrams (default: 1024) those beyond are not carried' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l idle -d 'End a connection over which nothing came for this long, or forget a sender of datagrams (those by default after 60s)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l strict -d 'End a connection at what does not parse, instead of carrying it on unseen'
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l json -d 'Write one JSON object for each event to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -l quiet -d 'Say nothing but errors'
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -s v -l verbose -d 'Tell more of what happens'
complete -c sockeye -n "__fish_sockeye_using_subcommand relay" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and not __fish_seen_subcommand_from encode decode guess" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and not __fish_seen_subcommand_from encode decode guess" -f -a "encode" -d 'Put each message of a file or standard input into a frame'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and not __fish_seen_subcommand_from encode decode guess" -f -a "decode" -d 'Take the messages out of the frames of a file or standard input'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and not __fish_seen_subcommand_from encode decode guess" -f -a "guess" -d 'Say which framings a capture could be in, and why the others are not'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from encode" -s f -l framing -d 'The framing, like dec:4 or netstring' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from encode" -l in -d 'What the input is: raw (one message), text, hex, c, base64, json, or messages in another framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from encode" -l out -d 'How frames are written: raw, or one a line as text, hex, c, base64 or json; none, or in another framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from encode" -l count -d 'End after this many messages; fewer are a failure (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from encode" -l json -d 'Write a JSON object for each message to standard output, with the frame\'s bytes, instead of the frames'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from encode" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from decode" -s f -l framing -d 'The framing, like dec:4 or netstring' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from decode" -l in -d 'What the input is: raw, or written as text, hex, c, base64 or json; or what is in another framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from decode" -l out -d 'How messages are written: auto, text, hex, c, base64, json, raw, none, or in another framing' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from decode" -l count -d 'End after this many messages; fewer are a failure (exit 4)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from decode" -l json -d 'Write one JSON object for each event to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from decode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from guess" -l all -d 'Show all that were tried, not only the best'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from guess" -l json -d 'Write one JSON object for each framing to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand frame; and __fish_seen_subcommand_from guess" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand addr" -l broadcast -d 'Print the broadcast address alone, for scripts; of an interface one a line'
complete -c sockeye -n "__fish_sockeye_using_subcommand addr" -l json -d 'Write one JSON object for each address, interface or port to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand addr" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand resolve" -l timeout -d 'How long the system may take (default: 10s)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand resolve" -s 4 -l ipv4 -d 'Ask for IPv4 addresses only'
complete -c sockeye -n "__fish_sockeye_using_subcommand resolve" -s 6 -l ipv6 -d 'Ask for IPv6 addresses only'
complete -c sockeye -n "__fish_sockeye_using_subcommand resolve" -l json -d 'Write the answer as a JSON object to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand resolve" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l set -d 'Set an option and show what the kernel makes of it (repeatable): nodelay, sndbuf=64KiB, SOL_SOCKET:SO_SNDBUF=65536, 1:7=65536' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l get -d 'Show only this option (repeatable): by name, or by constant' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l tcp-info -d 'Show what TCP knows of the connection, again and again (default: every 1s), and what limits the sender' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l queues -d 'Show how much waits in both buffers, again and again (default: every 1s)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l read -d 'Read so much after each time, and throw it away: a reader as slow as you like (default: nothing is read)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l count -d 'End after showing this many times; otherwise when the other side ends' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -s w -l wait -d 'How long connecting may take (default: 30s)' -r
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -s l -l listen -d 'Bind and listen, also where the endpoint could be connected to'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l dial -d 'Connect, also where the endpoint would be listened at'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l all -d 'Show every option, also with --set, --get, --tcp-info or --queues'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -s u -l udp -d 'The endpoint has no scheme and is UDP'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -s 4 -l ipv4 -d 'Use IPv4 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -s 6 -l ipv6 -d 'Use IPv6 only'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -s n -l numeric -d 'Look no names up: hosts are addresses, ports are numbers'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -l json -d 'Write one JSON object for each event to standard output'
complete -c sockeye -n "__fish_sockeye_using_subcommand opts" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sockeye -n "__fish_sockeye_using_subcommand demo" -s o -l output -d 'Put the pictures into this directory, which is made (default: a new one among the temporary files)' -r -F
complete -c sockeye -n "__fish_sockeye_using_subcommand demo" -l json -d 'Write one line of JSON for each step'
complete -c sockeye -n "__fish_sockeye_using_subcommand demo" -s h -l help -d 'Print help'
complete -c sockeye -n "__fish_sockeye_using_subcommand generate" -s h -l help -d 'Print help'
