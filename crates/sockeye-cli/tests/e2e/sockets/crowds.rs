//! Many callers at one listener: what each costs, and that none holds up the others.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::*;

fn callers(address: &str, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| TcpStream::connect(address).unwrap()).collect()
}

#[test]
fn a_caller_takes_one_descriptor() {
    for arguments in [&["-k", "-f", "line", "--echo"][..], &["-k", "-f", "line"]] {
        let mut command = Command::new(PROGRAM);
        command.args(["listen", "--json"]).args(arguments).arg("127.0.0.1:0").stdin(Stdio::piped());
        let server = Process::start("sockeye", command);
        let address = address_of(&server);
        let open = || std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count();
        let before = open();
        let callers = callers(&address, 100);
        server.event_where("open", |event| event["conn"] == 100);
        assert_eq!(open() - before, 100);
        drop((callers, server.kill()));
    }
}

#[test]
fn who_completes_messages_is_not_given_up() {
    let (server, address) = listening(&["-k", "-f", "line", "--message-timeout", "1s"], "127.0.0.1:0");
    // Twenty in two seconds, and every read ends inside a message.
    let (caller, mut stdin) = held(&["connect", "--in", "c", "--pace", "100ms", &address]);
    for number in 0..20 {
        writeln!(stdin, "{number} ends\\n{} begins, and ", number + 1).unwrap();
    }
    let gave_up = server.event("close");
    assert_eq!(gave_up["how"], "timeout", "one that is never completed is");
    assert_eq!(gave_up["messages_in"], 20);
    drop((stdin, caller.kill(), server.kill()));
}

#[test]
fn several_who_take_nothing_are_waited_for_together() {
    let (server, mut stdin) = held(&["listen", "--json", "-k", "-f", "line", "127.0.0.1:0"]);
    let address = address_of(&server);
    let stuck = callers(&address, 3);
    server.event_where("open", |event| event["conn"] == 3);
    let mut healthy = TcpStream::connect(&address).unwrap();
    server.event_where("open", |event| event["conn"] == 4);
    let messages = 160;
    let writer = thread::spawn(move || {
        let mut line = vec![b'x'; 256 * 1024];
        line.push(b'\n');
        (0..messages).try_for_each(|_| stdin.write_all(&line))
    });
    let began = Instant::now();
    let mut rest = vec![0; messages * (256 * 1024 + 1)];
    healthy.read_exact(&mut rest).unwrap();
    assert!(began.elapsed() < Duration::from_secs(12), "one after the other they would take fifteen seconds");
    writer.join().unwrap().unwrap();
    for conn in 1..=3 {
        server.event_where("slow", |event| event["conn"] == conn);
    }
    drop((stuck, server.kill()));
}

#[test]
fn who_says_nothing_makes_room_for_others() {
    let arguments = ["-k", "-f", "line", "--max-clients", "2", "--message-timeout", "300ms", "--count", "1"];
    let (server, address) = listening(&arguments, "127.0.0.1:0");
    let silent = callers(&address, 2);
    server.event_where("open", |event| event["conn"] == 2);
    let mut third = TcpStream::connect(&address).unwrap();
    third.write_all(b"at last\n").unwrap();
    let ended = server.end();
    assert_eq!(texts(ended.exits(0)), ["at last"]);
    assert!(ended.all("close").iter().any(|close| close["how"] == "timeout"), "{ended:?}");
    drop(silent);
}

#[test]
fn that_no_descriptor_is_left_is_told_until_there_is_one() {
    let mut command = Command::new("sh");
    let script = r#"ulimit -n 24; exec "$0" listen -k --json -f line --count 1 127.0.0.1:0"#;
    command.args(["-c", script, PROGRAM]).stdin(Stdio::null());
    let server = Process::start("sockeye", command);
    let address = address_of(&server);
    let mut many = callers(&address, 40);
    let full = server.event("full");
    assert!(full["message"].as_str().unwrap().contains("ulimit -n"), "{full}");
    thread::sleep(Duration::from_secs(1));
    // Whoever waits is taken when others have gone.
    let mut last = many.pop().unwrap();
    last.write_all(b"me\n").unwrap();
    drop(many);
    let ended = server.end();
    assert_eq!(texts(ended.exits(0)), ["me"]);
    assert!(ended.all("full").len() < 8, "not each time it is tried again: {ended:?}");
}

#[test]
fn what_standard_input_says_before_anybody_has_come_is_for_the_first() {
    let server = fed(&["listen", "--json", "-k", "-f", "line", "127.0.0.1:0"], b"for the first\n");
    let address = address_of(&server);
    let mut first = TcpStream::connect(&address).unwrap();
    let mut heard = [0; 14];
    first.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"for the first\n");
    drop(server.kill());
}
