//! Python's socket module as the oracle: its constants, its view of the same open socket, and what it gets when it sets the
//! same bytes itself.

use sockeye_lab::skip;

use super::*;
use crate::testing::{has_python, python};

/// What changes between two looks at it.
const VOLATILE: [&str; 4] = ["TCP_INFO", "TCP_CC_INFO", "TCP_TIMESTAMP", "SO_INCOMING_CPU"];

#[test]
fn l14_numbers_of_constants_are_those_of_python() {
    if !has_python() {
        skip!("there is no python3 to compare with");
    }
    let names: Vec<&str> =
        all().map(|option| option.constant).chain(Level::ALL.map(Level::constant)).collect();
    let told = python(&fresh("udp4").unwrap(), NUMBERS, &names.join("\n"));
    let mut compared = 0;
    for line in told.lines() {
        let (name, number) = line.split_once(' ').unwrap();
        let Ok(number) = number.parse::<i32>() else { continue };
        let ours = constant(name).map(|option| option.number);
        let level = || Level::ALL.into_iter().find(|level| level.constant() == name).map(Level::number);
        assert_eq!(ours.or_else(level), Some(number), "{name}");
        compared += 1;
    }
    assert!(compared >= 60, "{compared}");
}

#[test]
fn l14_python_reads_the_same_from_the_same_socket() {
    if !has_python() {
        skip!("there is no python3 to compare with");
    }
    for kind in KINDS {
        let Some((socket, _peer)) = pair(kind) else { continue };
        let facts = Facts::of(&socket).unwrap();
        let options: Vec<_> =
            of_socket(&facts).filter(|option| !VOLATILE.contains(&option.constant)).collect();
        let question = |option: &&SocketOption| {
            format!("{} {} {}\n", option.level.number(), option.number, option.kind.capacity())
        };
        let told = python(&socket, READ, &options.iter().map(question).collect::<String>());
        assert_eq!(told.lines().count(), options.len());
        for (option, line) in options.iter().zip(told.lines()) {
            let ours = read_raw(&socket, option.level.number(), option.number, option.kind.capacity());
            assert_eq!(answer(ours), line, "{kind} {}", option.constant);
        }
    }
}

#[test]
fn l14_python_gets_the_same_answer_when_it_sets_the_same() {
    if !has_python() {
        skip!("there is no python3 to compare with");
    }
    for kind in KINDS {
        let Some(socket) = fresh(kind) else { continue };
        let facts = Facts::of(&socket).unwrap();
        let mut ours = Vec::new();
        let mut question = Vec::new();
        for option in of_socket(&facts).filter(|option| option.is_settable()) {
            for value in samples(option) {
                let bytes = option.encode(&value).unwrap();
                let (level, number) = (option.level.number(), option.number);
                let hex = text::hex_of(&bytes);
                question.push(format!("{level} {number} {} {hex}", option.kind.capacity()));
                let new = fresh(kind).unwrap();
                let result = match set(&new, option, &value) {
                    Ok(_) => read_raw(&new, level, number, option.kind.capacity()),
                    Err(OptionError::Set { source, .. } | OptionError::Read { source, .. }) => Err(source),
                    Err(other) => panic!("{other}"),
                };
                ours.push((option.constant, value, answer(result)));
            }
        }
        let told = python(&socket, SET, &question.join("\n"));
        assert_eq!(told.lines().count(), ours.len());
        let mut accepted = 0;
        for ((constant, value, answer), line) in ours.iter().zip(told.lines()) {
            assert_eq!(answer, line, "{kind} {constant} = {value:?}");
            accepted += usize::from(!line.starts_with("errno"));
        }
        assert!(accepted * 3 > ours.len() * 2, "{kind}: {accepted} of {} accepted", ours.len());
    }
}

/// Values with Python's own names and numbers, typed by hand, against ours by name.
#[test]
fn l14_the_names_set_what_python_sets_by_constant() {
    if !has_python() {
        skip!("there is no python3 to compare with");
    }
    let (socket, _peer) = pair("tcp4").unwrap();
    for (ours, python_reads) in [
        ("nodelay", "s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)"),
        ("keepalive", "s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)"),
        ("oobinline", "s.getsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE)"),
    ] {
        set_by_name(&socket, ours);
        assert_eq!(python(&socket, &format!("print({python_reads})"), ""), "1\n", "{ours}");
    }
    for (ours, python_reads, number) in [
        ("sndbuf=40000", "s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)", "80000"),
        ("keepidle=11", "s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)", "11"),
        ("keepintvl=12", "s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)", "12"),
        ("keepcnt=13", "s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)", "13"),
        ("user-timeout=14", "s.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)", "14000"),
        ("tos=0x10", "s.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)", "16"),
        ("dscp=af41", "s.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)", "136"),
        ("linger=3", "struct.unpack('ii', s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))", "(1, 3)"),
        (
            "congestion=reno",
            "s.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).strip(b'\\0')",
            "b'reno'",
        ),
        (
            "sndtimeo=2s",
            "struct.unpack('ll', s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16))",
            "(2, 0)",
        ),
    ] {
        set_by_name(&socket, ours);
        assert_eq!(python(&socket, &format!("print({python_reads})"), "").trim_end(), number, "{ours}");
    }
}

fn answer(result: io::Result<Vec<u8>>) -> String {
    match result {
        Ok(bytes) => text::hex_of(&bytes),
        Err(error) => format!("errno {}", error.raw_os_error().unwrap_or(0)),
    }
}

/// Values worth trying: what most machines accept.
fn samples(option: &SocketOption) -> Vec<Value> {
    match (option.constant, &option.kind) {
        ("SO_BINDTODEVICE", _) => vec!["lo".into(), "nothere".into()],
        ("TCP_CONGESTION", _) => vec!["reno".into(), "nothere".into()],
        (_, Kind::Text) => vec!["nothere".into()],
        (_, Kind::Flag) => vec![true.into(), false.into()],
        (_, Kind::Int(unit) | Kind::U32(unit) | Kind::U64(unit)) => match unit {
            Unit::Bytes | Unit::BytesPerSecond => vec![4096.into(), 65_536.into()],
            Unit::Seconds => vec![Duration::from_secs(9).into()],
            Unit::Milliseconds => vec![Duration::from_millis(1500).into()],
            Unit::Microseconds => vec![Duration::from_millis(5).into()],
            _ => vec![1.into(), 7.into(), 100_000.into()],
        },
        (_, Kind::Choice(words)) => words.iter().map(|(_, number)| (*number).into()).collect(),
        (_, Kind::Dscp) => vec![10.into(), 46.into()],
        (_, Kind::Linger) => vec![Value::Linger(None), Value::Linger(Some(Duration::from_secs(3)))],
        (_, Kind::Timeout) => vec![Duration::ZERO.into(), Duration::from_millis(1500).into()],
        (_, Kind::Interface(_)) => vec!["1".into(), "".into()],
        (_, Kind::Ports) => vec![Value::Ports(0, 0), Value::Ports(40_000, 40_999)],
        (_, Kind::Bytes) => vec![Value::Bytes(vec![0; 8])],
        (_, Kind::Credentials | Kind::Counters(_)) => vec![],
    }
}

const NUMBERS: &str = "for name in lines:\n  print(name, getattr(socket, name, 'none'))";

const READ: &str = "
for line in lines:
  level, number, capacity = map(int, line.split())
  try: print(s.getsockopt(level, number, capacity).hex())
  except OSError as e: print('errno', e.errno)";

const SET: &str = "
for line in lines:
  level, number, capacity, value = line.split()
  level, number, capacity, value = int(level), int(number), int(capacity), bytes.fromhex(value)
  new = socket.socket(s.family, s.type)
  try:
    new.setsockopt(level, number, value)
    print(new.getsockopt(level, number, capacity).hex())
  except OSError as e: print('errno', e.errno)
  new.close()";
