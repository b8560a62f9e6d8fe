//! A delivery with a member that forges: it was let in, has the group's key, and seals what it likes. It may cost time; it changes
//! no byte of what the others get.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    signature::Ed25519KeyPair,
};
use rustix::net::{AddressFamily, SocketType, sockopt};
use sockeye_proto::{
    content::Digest,
    delivery::{
        BlockDigest, DeliveryMessage, Digests, Flow, HEADER_LEN, Heard, Invite, PacketHeader, PacketKind,
        State, nonce,
    },
};

use crate::{
    MIB,
    machine::Machine,
    peer::{Hostile, Session},
    process::{Code, Process},
    tree,
    wire::{self, kind},
};

const INVITE: u16 = 0x40;

/// Takes part as any other member until it is in.
async fn take_part(sends: &Process) -> (Session, Invite) {
    let Code { code, addresses } = sends.code();
    let code = code.parse().expect("a code");
    let address = SocketAddr::from(([127, 0, 0, 1], addresses[0].port()));
    let mut session = Hostile::new().session(address, &code).await;
    let listed = session.until(kind::LISTED).await.expect("a list");
    let (digest, entries, bytes) = wire::list_totals(&listed);
    let blocks = bytes.div_ceil(256 << 10);
    session
        .say(&[wire::accept_exact(&digest, entries, bytes), wire::need(&[(0, blocks)]), wire::need_end()])
        .await;
    let invite = session.until(INVITE).await.expect("an invitation");
    let Ok(Some(DeliveryMessage::Invite(invite))) = DeliveryMessage::decode(&invite) else {
        panic!("no invitation")
    };
    for probes in [Vec::new(), vec![3; invite.flows.len()]] {
        session.say(&[DeliveryMessage::Heard(Heard { probes }).encode()]).await;
    }
    (session, invite)
}

/// The first way of a delivery, to be heard and spoken into.
struct Forger {
    flow: Flow,
    key: LessSafeKey,
    signer: Ed25519KeyPair,
    symbol_len: usize,
    ears: UdpSocket,
    mouth: UdpSocket,
    to: SocketAddrV4,
}

impl Forger {
    fn new(invite: &Invite) -> Self {
        let flow = invite.flows[0].clone();
        let material = [&invite.key[..], &flow.session.to_be_bytes()].concat();
        let key = blake3::derive_key("sockeye delivery flow key v1", &material);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key[..16]).expect("a key"));
        let seed = [7; 32];
        let signer = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key");
        let group = Ipv4Addr::from(<[u8; 4]>::try_from(flow.address.as_slice()).expect("IPv4"));
        let to = SocketAddrV4::new(group, flow.port);
        let ears = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).expect("a socket");
        sockopt::set_socket_reuseaddr(&ears, true).expect("shared");
        rustix::net::bind(&ears, &to).expect("bound");
        sockopt::set_ip_add_membership(&ears, &group, &Ipv4Addr::LOCALHOST).expect("joined");
        let ears = UdpSocket::from(ears);
        ears.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let mouth = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        sockopt::set_ip_multicast_if(&mouth, &Ipv4Addr::LOCALHOST).expect("by the loopback");
        Self { flow, key, signer, symbol_len: invite.symbol_len.into(), ears, mouth, to }
    }

    /// What was sent last, by somebody else.
    fn hear(&self) -> io::Result<PacketHeader> {
        let mine = self.mouth.local_addr()?;
        let mut packet = [0; 2048];
        loop {
            let (len, from) = self.ears.recv_from(&mut packet)?;
            if from != mine
                && let Ok(header) = PacketHeader::decode(&packet[..len])
            {
                return Ok(header);
            }
        }
    }

    /// Sends a packet that is as authentic as the sender's.
    fn say(&self, header: PacketHeader, body: &[u8]) {
        let mut packet = header.encode().to_vec();
        packet.extend_from_slice(body);
        let (head, body) = packet.split_at_mut(HEADER_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce(header.counter.into()));
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(&*head), body).expect("sealed");
        packet.extend_from_slice(tag.as_ref());
        // A buffer that is full is no reason to stop.
        let _ = self.mouth.send_to(&packet, self.to);
    }

    /// Symbols that are none of the block's, digests that the sender did not sign, and news that are not true, each under the
    /// number of a packet to come.
    fn everything(&self, heard: PacketHeader) {
        let at = |ahead: u32| PacketHeader { counter: heard.counter.wrapping_add(ahead), ..heard };
        let junk = vec![0xa5; self.symbol_len];
        let symbol =
            |ahead| PacketHeader { kind: PacketKind::Symbol, symbol: heard.symbol ^ 0x80, ..at(ahead) };
        self.say(symbol(9), &junk);
        self.say(PacketHeader { fresh: false, symbol: 255, ..symbol(10) }, &junk);
        let first = heard.block / 32 * 32;
        let digest = BlockDigest { digest: Digest::ZERO, doubtful: false, withheld: false };
        let mut body = Digests { first, blocks: vec![Some(digest); 32] }.encode();
        let signed = [b"sockeye delivery digests v1", &self.flow.session.to_be_bytes()[..], &body].concat();
        let signature = self.signer.sign(&signed);
        body.extend_from_slice(signature.as_ref());
        self.say(PacketHeader { kind: PacketKind::Digests, block: first, ..at(11) }, &body);
        let over = State { passed_all: true, members: 1, ..State::default() };
        self.say(PacketHeader { kind: PacketKind::State, ..at(12) }, &over.encode());
    }

    /// One packet so far ahead that all of the sender's are old.
    fn far_ahead(&self, heard: PacketHeader) {
        let counter = heard.counter.wrapping_add(40_000);
        self.say(PacketHeader { kind: PacketKind::Probe, counter, ..heard }, &[0]);
    }
}

/// Two who take part as they should, and one who forges like this with every so many packets it hears.
fn two_beside_a_forger(every: u32, forge: fn(&Forger, PacketHeader)) {
    let (sender, receivers) = (Machine::new("sender"), [Machine::new("receiver"), Machine::new("receiver")]);
    sender.file("file", tree::bytes(5, 6 * MIB + 17));
    let sends = sender.send(&["--many", "--receivers", "3", "--max-rate", "3M", "file"]);
    let code = sends.code().with_address();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (session, invite) = runtime.block_on(take_part(&sends));
    let receives: Vec<_> = receivers.iter().map(|receiver| receiver.accept(&code, &[])).collect();
    let over = Arc::new(AtomicBool::new(false));
    let forger = {
        let (over, forger) = (Arc::clone(&over), Forger::new(&invite));
        thread::spawn(move || {
            let (mut heard, mut forged) = (0_u32, 0_u32);
            while !over.load(Ordering::Relaxed) {
                let Ok(header) = forger.hear() else { continue };
                heard += 1;
                if heard % every == 0 {
                    forge(&forger, header);
                    forged += 1;
                }
            }
            forged
        })
    };
    for (received, receiver) in receives.into_iter().map(Process::end).zip(&receivers) {
        received.exits(0);
        assert!(received.lane_bytes() > 0, "what was forged did harm: {received:?}");
        tree::assert_same(&sender.path("file"), &receiver.path("in/file"));
        tree::assert_no_staging(&receiver.inbox());
    }
    over.store(true, Ordering::Relaxed);
    assert!(forger.join().expect("a forger") > 5, "it forged");
    session.vanish();
    sends.end().exits(11);
}

#[test]
fn symbols_digests_and_news_that_a_member_forges_change_nothing() {
    two_beside_a_forger(20, Forger::everything);
}

#[test]
fn a_member_that_makes_all_packets_old_changes_nothing() {
    two_beside_a_forger(200, Forger::far_ahead);
}
