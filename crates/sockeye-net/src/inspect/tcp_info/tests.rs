//! `TCP_INFO` against libc's structure and against what ss(8) says of the same connection.

use std::{collections::BTreeMap, mem::offset_of, process::Command};

use libc::tcp_info;
use sockeye_lab::skip;

use super::*;
use crate::testing::{exchange, pair};

#[test]
fn fields_are_where_libc_has_them() {
    macro_rules! same {
        ($($name:ident = $field:ident),+ $(,)?) => {
            [$((stringify!($name), offset_of!(tcp_info, $field))),+]
        };
    }
    let theirs: BTreeMap<&str, usize> = same!(
        retransmits = tcpi_retransmits,
        probes = tcpi_probes,
        backoff = tcpi_backoff,
        rto = tcpi_rto,
        ato = tcpi_ato,
        snd_mss = tcpi_snd_mss,
        rcv_mss = tcpi_rcv_mss,
        unacked = tcpi_unacked,
        sacked = tcpi_sacked,
        lost = tcpi_lost,
        retrans = tcpi_retrans,
        fackets = tcpi_fackets,
        last_data_sent = tcpi_last_data_sent,
        last_data_recv = tcpi_last_data_recv,
        last_ack_recv = tcpi_last_ack_recv,
        pmtu = tcpi_pmtu,
        rcv_ssthresh = tcpi_rcv_ssthresh,
        rtt = tcpi_rtt,
        rttvar = tcpi_rttvar,
        snd_ssthresh = tcpi_snd_ssthresh,
        snd_cwnd = tcpi_snd_cwnd,
        advmss = tcpi_advmss,
        reordering = tcpi_reordering,
        rcv_rtt = tcpi_rcv_rtt,
        rcv_space = tcpi_rcv_space,
        total_retrans = tcpi_total_retrans,
        pacing_rate = tcpi_pacing_rate,
        max_pacing_rate = tcpi_max_pacing_rate,
        bytes_acked = tcpi_bytes_acked,
        bytes_received = tcpi_bytes_received,
        segs_out = tcpi_segs_out,
        segs_in = tcpi_segs_in,
        notsent_bytes = tcpi_notsent_bytes,
        min_rtt = tcpi_min_rtt,
        data_segs_in = tcpi_data_segs_in,
        data_segs_out = tcpi_data_segs_out,
        delivery_rate = tcpi_delivery_rate,
        busy_time = tcpi_busy_time,
        rwnd_limited = tcpi_rwnd_limited,
        sndbuf_limited = tcpi_sndbuf_limited,
        delivered = tcpi_delivered,
        delivered_ce = tcpi_delivered_ce,
        bytes_sent = tcpi_bytes_sent,
        bytes_retrans = tcpi_bytes_retrans,
        dsack_dups = tcpi_dsack_dups,
        reord_seen = tcpi_reord_seen,
        rcv_ooopack = tcpi_rcv_ooopack,
        snd_wnd = tcpi_snd_wnd,
        rcv_wnd = tcpi_rcv_wnd,
        rehash = tcpi_rehash,
        total_rto = tcpi_total_rto,
        total_rto_recoveries = tcpi_total_rto_recoveries,
        total_rto_time = tcpi_total_rto_time,
    )
    .into();
    let ours: BTreeMap<&str, usize> = FIELDS.iter().map(|field| (field.name, field.at)).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn a_short_answer_of_an_old_kernel_has_fewer_figures() {
    let (socket, _peer) = pair("tcp4").unwrap();
    let whole = TcpInfo::of(&socket).unwrap();
    for len in 0..=whole.bytes.len() {
        let info = TcpInfo::from_bytes(whole.bytes[..len].to_vec(), whole.taken);
        assert_eq!(info.snd_wnd().is_some(), len >= 232);
        assert_eq!(
            info.figures().count(),
            FIELDS.iter().filter(|field| field.at + field.width <= len).count()
        );
    }
    assert!(whole.figures().count() >= 26);
}

/// `name:value` of `ss -ti` for the connection with this local and peer port.
fn ss(local: u16, peer: u16) -> Option<BTreeMap<String, String>> {
    let filter = format!("sport = :{local} and dport = :{peer}");
    let output = Command::new("ss").args(["-H", "-t", "-i", "-n", &filter]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pairs = text.split_whitespace().filter_map(|word| word.split_once(':'));
    Some(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[test]
fn ss_says_the_same_of_the_same_connection() {
    let (socket, peer) = pair("tcp4").unwrap();
    exchange(&socket, &peer, 3000);
    exchange(&peer, &socket, 500);
    let port = |socket: &socket2::Socket| socket.local_addr().unwrap().as_socket().unwrap().port();
    let info = TcpInfo::of(&socket).unwrap();
    let Some(told) = ss(port(&socket), port(&peer)) else { skip!("there is no ss to compare with") };
    let millis = |time: Option<Duration>| format!("{:.3}", time.unwrap().as_secs_f64() * 1000.0);
    let plain = |text: String| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    let (send_scale, receive_scale) = info.window_scale().unwrap();
    let mut compared = 0;
    for (name, ours) in [
        ("wscale", format!("{send_scale},{receive_scale}")),
        ("rto", plain(millis(info.rto()))),
        ("rtt", format!("{}/{}", plain(millis(info.rtt())), plain(millis(info.rttvar())))),
        ("mss", info.snd_mss().unwrap().to_string()),
        ("pmtu", info.pmtu().unwrap().to_string()),
        ("rcvmss", info.rcv_mss().unwrap().to_string()),
        ("advmss", info.advmss().unwrap().to_string()),
        ("cwnd", info.snd_cwnd().unwrap().to_string()),
        ("bytes_sent", info.bytes_sent().unwrap().to_string()),
        ("bytes_acked", info.bytes_acked().unwrap().to_string()),
        ("bytes_received", info.bytes_received().unwrap().to_string()),
        ("segs_out", info.segs_out().unwrap().to_string()),
        ("segs_in", info.segs_in().unwrap().to_string()),
        ("data_segs_out", info.data_segs_out().unwrap().to_string()),
        ("data_segs_in", info.data_segs_in().unwrap().to_string()),
        ("delivered", info.delivered().unwrap().to_string()),
        ("rcv_space", info.rcv_space().unwrap().to_string()),
        ("rcv_ssthresh", info.rcv_ssthresh().unwrap().to_string()),
        ("minrtt", plain(millis(info.min_rtt()))),
        ("snd_wnd", info.snd_wnd().unwrap().to_string()),
    ] {
        // An older ss does not know every figure.
        let Some(theirs) = told.get(name) else { continue };
        assert_eq!(&ours, theirs, "{name}");
        compared += 1;
    }
    assert!(compared >= 15, "{told:?}");
}

#[test]
fn l22_states_follow_the_handshake_and_the_half_close() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let state = |info: io::Result<TcpInfo>| info.unwrap().state().unwrap();
    assert_eq!(state(TcpInfo::of(&listener)), TcpState::Listening);
    let (socket, peer) = pair("tcp4").unwrap();
    assert_eq!(state(TcpInfo::of(&socket)), TcpState::Established);
    assert!(TcpInfo::of(&socket).unwrap().options().contains(&"timestamps"));
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    crate::testing::wait_until("the peer knows", || state(TcpInfo::of(&peer)) == TcpState::CloseWait);
    crate::testing::wait_until("it was acknowledged", || state(TcpInfo::of(&socket)) == TcpState::FinWait2);
    assert!(TcpInfo::of(&pair("udp4").unwrap().0).is_err());
}
