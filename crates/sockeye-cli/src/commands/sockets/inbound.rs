//! What a connection receives: read, taken apart, shown.

use std::{cell::RefCell, future::poll_fn, pin::Pin, time::Instant};

use sockeye::{
    message::{Inbound, Received},
    socket::Packets,
};
use tokio::io::{AsyncRead, ReadBuf};

use super::{
    half::Half,
    session::{Shared, Stop},
    tell::Whose,
};
use crate::output::{odd::Odd, stdout};

thread_local! {
    /// Where reads land. All connections of this thread share it: a connection that waits holds no buffer.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One read, handed to `inbound`; whether there was one, or the end.
pub(super) async fn read_into(
    shared: &Shared<'_>,
    reader: &mut Half,
    inbound: &mut Inbound,
) -> Result<bool, Stop> {
    let len = match &shared.packets {
        Some((packets, peer)) => read_packet(shared, packets, peer, inbound).await?,
        None => Some(read_stream(shared, reader, inbound).await?).filter(|len| *len > 0),
    };
    let Some(len) = len else { return Ok(false) };
    shared.add(|totals| {
        totals.received += len as u64;
        totals.reads += 1;
    });
    shared.plan.tell.read(shared.id, inbound.read_count(), len);
    Ok(true)
}

/// One packet, which may be empty; none at the end.
async fn read_packet(
    shared: &Shared<'_>,
    packets: &Packets,
    peer: &str,
    inbound: &mut Inbound,
) -> Result<Option<usize>, Stop> {
    let most = shared.plan.datagram_room().unwrap_or(usize::MAX);
    let received = poll_fn(|cx| {
        SCRATCH.with_borrow_mut(|scratch| {
            packets.poll_receive(cx, scratch, most).map_ok(|sent_len| {
                sent_len.map(|sent_len| {
                    inbound.read(scratch);
                    (scratch.len(), sent_len)
                })
            })
        })
    });
    let Some((len, sent_len)) = received.await.map_err(Stop::Network)? else { return Ok(None) };
    if len < sent_len {
        shared.plan.tell.cut(peer, len, sent_len)?;
    }
    Ok(Some(len))
}

/// What one read of a stream gave; its length.
async fn read_stream(shared: &Shared<'_>, reader: &mut Half, inbound: &mut Inbound) -> Result<usize, Stop> {
    let size = shared.plan.read_size;
    let len = poll_fn(|cx| {
        if shared.plan.alone
            && let Some(room) = inbound.spare(size)
        {
            // A connection that is the only one may keep its buffer, and nothing is copied.
            let mut buffer = ReadBuf::new(room);
            let read = Pin::new(&mut *reader).poll_read(cx, &mut buffer);
            let len = buffer.filled().len();
            return read.map_ok(|()| {
                if len > 0 {
                    inbound.filled(len);
                }
                len
            });
        }
        SCRATCH.with_borrow_mut(|scratch| {
            if scratch.len() < size {
                scratch.resize(size, 0);
            }
            let mut buffer = ReadBuf::new(&mut scratch[..size]);
            Pin::new(&mut *reader).poll_read(cx, &mut buffer).map_ok(|()| {
                let filled = buffer.filled();
                if !filled.is_empty() {
                    inbound.read(filled);
                }
                filled.len()
            })
        })
    });
    len.await.map_err(Stop::Network)
}

/// Receives until the other side sends no more.
pub(super) async fn receive(shared: &Shared<'_>, reader: &mut Half) -> Result<(), Stop> {
    let mut inbound = Inbound::new(shared.plan.framing_in.clone());
    loop {
        stdout::room().await;
        if !read_into(shared, reader, &mut inbound).await? {
            return finish(shared, &inbound);
        }
        show(shared, &mut inbound, |_| {})?;
    }
}

/// Shows what was found in a read; `also` gets each message.
pub(super) fn show(
    shared: &Shared<'_>,
    inbound: &mut Inbound,
    mut also: impl FnMut(&[u8]),
) -> Result<(), Stop> {
    let plan = shared.plan;
    let before = inbound.message_count();
    while let Some(received) = inbound.next() {
        if let Some(odd) = Odd::of(&received) {
            misread(shared, inbound, odd)?;
        } else if let Received::Message { payload, header, spot } = received {
            shared.add(|totals| totals.messages_in += 1);
            if !plan.tell.message(Some(shared.id), None, header, payload, &spot)? {
                shared.broken.set(true);
            }
            also(payload);
            plan.count();
            if plan.has_enough() {
                return Err(Stop::Enough);
            }
        }
    }
    // The one that is not complete began in this read, if others were completed by it.
    let since = shared.inside.get().filter(|_| inbound.message_count() == before);
    shared.inside.set(inbound.is_inside().then(|| since.unwrap_or_else(Instant::now)));
    Ok(())
}

/// Tells what is no message. Where nothing can be read behind it, that is the end, and the end says it to people.
fn misread(shared: &Shared<'_>, inbound: &Inbound, odd: Odd) -> Result<(), Stop> {
    let Some(framing) = inbound.framing() else { return Ok(()) };
    let ends = inbound.has_stopped() || matches!(odd, Odd::Truncated(_));
    shared.broken.set(true);
    shared.plan.tell.odd(Whose::Connection(shared.id), "rx", (&odd, framing), u8::from(ends))?;
    if ends { Err(Stop::Framing(odd.sentence(framing))) } else { Ok(()) }
}

/// The other side sends no more: was that between two messages?
pub(super) fn finish(shared: &Shared<'_>, inbound: &Inbound) -> Result<(), Stop> {
    shared.inside.set(None);
    if let Err(cut) = inbound.finish() {
        misread(shared, inbound, Odd::Truncated(cut))?;
    }
    shared.plan.tell.ended(shared.id, inbound.received())?;
    Ok(())
}
