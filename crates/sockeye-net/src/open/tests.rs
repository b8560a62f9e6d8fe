//! Sockets are what their endpoints say.

use std::time::Duration;

use super::*;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn inet(text: &str) -> SockAddr {
    text.parse::<SocketAddr>().unwrap().into()
}

#[test]
fn a_listener_takes_a_connection_with_the_options_asked_for() {
    let listening = endpoint("tcp://127.0.0.1:0?rcvbuf=65536");
    let listener = listen_at(&listening, &inet("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let calling = endpoint("tcp://127.0.0.1:1?nodelay&keepalive=7s/3s/2&sndbuf=32768&ttl=9&bind=127.0.0.2");
    let local: Vec<SocketAddr> = vec!["127.0.0.2:0".parse().unwrap()];
    let socket = connect_to(&calling, &local, &address).unwrap();
    assert!(socket.tcp_nodelay().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(7));
    assert_eq!(socket.ttl_v4().unwrap(), 9);
    assert!(socket.send_buffer_size().unwrap() >= 32768);
    assert_eq!(socket.local_addr().unwrap().as_socket().unwrap().ip().to_string(), "127.0.0.2");
    assert!(listener.recv_buffer_size().unwrap() >= 65536);
}

#[test]
fn what_the_system_refuses_is_told_with_the_address() {
    let taken = listen_at(&endpoint("tcp://127.0.0.1:0"), &inet("127.0.0.1:0")).unwrap();
    let address = taken.local_addr().unwrap();
    let error = listen_at(&endpoint("tcp://127.0.0.1:0"), &address).unwrap_err();
    assert_eq!((error.action.clone(), error.source.kind()), (SocketAction::Bind, io::ErrorKind::AddrInUse));
    assert!(error.to_string().starts_with(&format!("cannot bind {}", address.as_socket().unwrap())));
    let error =
        connect_to(&endpoint("udp4://<broadcast>:9?connect"), &[], &inet("255.255.255.255:9")).unwrap_err();
    assert_eq!(error.action, SocketAction::Connect);
    assert_eq!(
        error.source.kind(),
        io::ErrorKind::PermissionDenied,
        "SO_BROADCAST is asked for by ?broadcast only"
    );
    let error = listen_at(&endpoint("udp://239.1.1.1:0?iface=nothere"), &inet("239.1.1.1:0")).unwrap_err();
    assert!(error.to_string().contains("there are: "), "{error}");
}

#[test]
fn a_group_is_joined_on_the_interface_named_also_for_one_sender() {
    for text in ["udp://239.255.1.1:0?iface=lo", "udp://232.1.1.1:0?iface=lo&source=127.0.0.1"] {
        let endpoint = endpoint(text);
        let crate::endpoint::Place::Inet { host: crate::endpoint::Host::Address { address, .. }, .. } =
            endpoint.place()
        else {
            panic!()
        };
        let socket = listen_at(&endpoint, &SocketAddr::new(*address, 0).into()).unwrap();
        let port = socket.local_addr().unwrap().as_socket().unwrap().port();
        let target = SocketAddr::new(*address, port);
        let sender = connect_to(&endpoint.with_scheme(Scheme::Udp4), &[], &target.into()).unwrap();
        assert_eq!(sender.multicast_ttl_v4().unwrap(), 1);
        sender.bind(&inet("127.0.0.1:0")).unwrap();
        sender.send_to(b"tulip", &target.into()).unwrap();
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let socket: std::net::UdpSocket = socket.into();
        let mut buffer = [0; 16];
        let (len, _) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"tulip");
    }
}

#[test]
fn names_of_all_families_are_printed_and_mapped_addresses_are_ipv4() {
    let shown = |name: SocketName| name.to_string();
    assert_eq!(shown("[::ffff:192.0.2.1]:5".parse::<SocketAddr>().unwrap().into()), "192.0.2.1:5");
    assert_eq!(shown("[::1]:5".parse::<SocketAddr>().unwrap().into()), "[::1]:5");
    assert_eq!(shown(SocketName::Abstract(b"a\x1b".to_vec())), "@a\\x1b");
    assert_eq!(shown(SocketName::from(&SockAddr::unix("/x").unwrap())), "/x");
}
