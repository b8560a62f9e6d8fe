//! The program against a peer that lies: what a person sees and which exit code a script gets. The lies themselves are
//! the business of the library's tests, which have the peer that is used here.

use std::net::SocketAddr;

use crate::{
    list::List,
    machine::Machine,
    peer::{Hostile, Session},
    process::{Code, Process},
    tree,
    wire::{self, abort, kind},
};

/// A receiver that waits, has said yes and has asked for all of one file; and a sender who will lie.
async fn asked(receives: &Process, list: &List) -> Session {
    let Code { code, addresses } = receives.code();
    let code = code.parse().expect("a code");
    let address = SocketAddr::from(([127, 0, 0, 1], addresses[0].port()));
    let mut session = Hostile::new().session(address, &code).await;
    session.say(&list.offer(1)).await;
    assert!(session.until(kind::NEED_END).await.is_some());
    session
}

fn block_on<T>(tasks: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(tasks)
}

#[test]
fn bytes_that_are_not_what_their_digest_says() {
    let receiver = Machine::new("receiver");
    receiver.directory("in");
    let receives = receiver.receive(&["--listen", "-y"]);
    let list = List::of_file("picture", b"what was read");
    block_on(async {
        let mut session = asked(&receives, &list).await;
        let (frame, mut body) = list.frame(0);
        body[0] ^= 1;
        session.data(&frame, &body).await;
        let told = session.until(kind::ABORT).await.map(|message| wire::abort_code(&message));
        assert_eq!(told, Some(abort::INTEGRITY));
    });
    receives.end().exits(9).says("integrity", "does not have its digest");
    assert!(!receiver.path("in/picture").exists(), "wrong bytes have the final name");
    tree::assert_no_staging(&receiver.inbox());
}

#[test]
fn a_receiver_that_says_so_without_reason() {
    let sender = Machine::new("sender");
    sender.file("picture", "what was read");
    let sends = sender.send(&["picture"]);
    let Code { code, addresses } = sends.code();
    block_on(async {
        let address = SocketAddr::from(([127, 0, 0, 1], addresses[0].port()));
        let code = code.parse().expect("a code");
        let mut session = Hostile::new().session(address, &code).await;
        session.say(&[abort(abort::INTEGRITY, "so I say")]).await;
        session.until(kind::ABORT).await;
    });
    sends.end().exits(9).says_why("peer_told", "integrity", "so I say");
}

#[test]
fn data_that_nobody_asked_for() {
    let receiver = Machine::new("receiver");
    receiver.directory("in");
    let receives = receiver.receive(&["--listen", "-y"]);
    let list = List::of_file("picture", b"what was read");
    block_on(async {
        let mut session = asked(&receives, &list).await;
        let (frame, body) = list.frame(0);
        session.data(&frame, &body).await;
        session.data(&frame, &body).await;
        session.until(kind::ABORT).await;
    });
    receives.end().exits(3);
}
