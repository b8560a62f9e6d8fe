//! Facts against Python's socket module on the same open socket.

use sockeye_lab::skip;

use super::*;
use crate::testing::{KINDS, abstract_address, abstract_name, fresh, has_python, pair, python};

#[test]
fn l11_l12_l13_python_says_the_same_of_the_same_socket() {
    if !has_python() {
        skip!("there is no python3 to compare with");
    }
    for kind in KINDS {
        let Some((socket, peer)) = pair(kind) else { continue };
        let facts = Facts::of(&socket).unwrap();
        assert_eq!(facts.fileno, i64::from(std::os::fd::AsRawFd::as_raw_fd(&socket)));
        let mut ours =
            vec![format!("{} {} {}", facts.family.number(), facts.kind.number(), facts.protocol.0)];
        for name in [&facts.local, facts.peer.as_ref().expect("connected")] {
            match name {
                SocketName::Inet(address) => ours.push(format!("{} {}", address.ip(), address.port())),
                other => assert_eq!(other, &SocketName::Unnamed, "{kind}"),
            }
        }
        assert_eq!(ours.join("\n"), python(&socket, ASK, "").trim_end(), "{kind}");
        let other = Facts::of(&peer).unwrap();
        assert_eq!((Some(&facts.local), facts.peer.as_ref()), (other.peer.as_ref(), Some(&other.local)));
    }
}

#[test]
fn l13_names_of_unix_sockets_are_paths_abstract_or_nothing() {
    let folder = std::env::temp_dir().join(format!("sockeye-net-facts-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("socket");
    let bound = fresh("unixgram").unwrap();
    assert_eq!(Facts::of(&bound).unwrap().local, SocketName::Unnamed);
    bound.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    assert_eq!(Facts::of(&bound).unwrap().local, SocketName::Path(path));
    std::fs::remove_dir_all(folder).unwrap();

    let name = [abstract_name(), vec![0, 0xff, b' ']].concat();
    let listener = fresh("unixseq").unwrap();
    listener.bind(&abstract_address(&name)).unwrap();
    listener.listen(1).unwrap();
    let dialled = fresh("unixseq").unwrap();
    dialled.connect(&abstract_address(&name)).unwrap();
    assert_eq!(Facts::of(&dialled).unwrap().peer, Some(SocketName::Abstract(name.clone())));
    let facts = Facts::of(&listener).unwrap();
    assert_eq!(
        (facts.kind, facts.local, facts.peer),
        (SocketType::SeqPacket, SocketName::Abstract(name), None)
    );
}

#[test]
fn l13_constants_are_told_by_name_and_number() {
    let facts = Facts::of(&fresh("tcp4").unwrap()).unwrap();
    assert_eq!(facts.family.to_string(), "AF_INET (2)");
    assert_eq!(facts.kind.to_string(), "SOCK_STREAM (1)");
    assert_eq!(facts.protocol.to_string(), "IPPROTO_TCP (6)");
    assert_eq!(facts.peer, None);
    assert_eq!(facts.local.to_string(), "0.0.0.0:0");
}

const ASK: &str = "
print(s.family.value, s.type.value, s.proto)
if s.family != socket.AF_UNIX:
  print(*s.getsockname()[:2])
  print(*s.getpeername()[:2])";
