//! A session: control connection and lane, and what is said over them.

use std::{io, net::SocketAddr, time::Duration};

use sockeye_proto::{
    pairing::Code,
    transfer::{DATA_HEADER_LEN, DataHeader, LANE_PROOF_LEN, LaneKey, LaneRole, SESSION_ID_LEN},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsStream;

use super::{Channel, Hostile, LANE, Met, honest, kind};

pub type LaneStream = TlsStream<TcpStream>;

/// Nothing here takes longer unless the victim hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A meeting with its lane.
pub struct Session {
    pub met: Met,
    pub lane: LaneStream,
}

/// A data frame as it came.
pub struct DataFrame {
    pub header: DataHeader,
    pub body: Vec<u8>,
}

impl Hostile {
    /// Dials, proves the code, opens the lane.
    pub async fn session(&self, address: SocketAddr, code: &Code) -> Session {
        let met = self.dial(address, code).await.unwrap();
        self.with_lane(met).await
    }

    /// Opens the lane of a meeting that this side dialled.
    pub async fn with_lane(&self, met: Met) -> Session {
        let channel = self.keys.dial(met.address, LANE).await.unwrap();
        let (lane, opened) = self.open(channel, &met).await;
        assert!(opened, "the victim does not take the lane");
        Session { met, lane }
    }

    /// Proves on a channel that it is the lane of this meeting. Whether the victim proved the same.
    pub async fn open(&self, channel: Channel, met: &Met) -> (LaneStream, bool) {
        let key = LaneKey::new(&met.paired.session_key);
        let proof = key.proof(LaneRole::Dialer, &channel.exporter, &self.keys.public, &channel.peer_key);
        let (exporter, peer_key) = (channel.exporter, channel.peer_key.clone());
        let (stream, answer) = present(channel, &key.session_id(), &proof).await;
        let opened = answer.is_some_and(|answer| {
            key.verify(LaneRole::Listener, &exporter, &self.keys.public, &peer_key, &answer)
        });
        (stream, opened)
    }

    /// Waits for a victim that dials: pairs, then takes its lane.
    pub async fn welcome(&self, listener: &TcpListener, code: &Code) -> Session {
        let channel = self.next_channel(listener).await;
        let met = self.answer_over(channel, code, None, &mut honest).await.unwrap();
        self.next_lane(listener, met).await.expect("a lane")
    }

    /// Takes the lane of a meeting that the victim dialled, if it opens one.
    pub async fn next_lane(&self, listener: &TcpListener, met: Met) -> Option<Session> {
        let channel = self.next_channel(listener).await;
        assert_eq!(channel.alpn, LANE);
        let key = LaneKey::new(&met.paired.session_key);
        let mut stream = channel.stream;
        let mut opening = [0; SESSION_ID_LEN + LANE_PROOF_LEN];
        within(stream.read_exact(&mut opening)).await.ok()?;
        assert_eq!(opening[..SESSION_ID_LEN], key.session_id());
        let proof = key.proof(LaneRole::Listener, &channel.exporter, &channel.peer_key, &self.keys.public);
        stream.write_all(&proof).await.ok()?;
        stream.flush().await.ok()?;
        Some(Session { met, lane: stream })
    }

    pub async fn next_channel(&self, listener: &TcpListener) -> Channel {
        let (tcp, _) = within(listener.accept()).await.unwrap();
        within(self.keys.accept(tcp)).await.unwrap()
    }
}

/// Opens a lane with these bytes. The answer, if there is one before the connection ends.
pub async fn present(
    channel: Channel,
    id: &[u8; SESSION_ID_LEN],
    proof: &[u8; LANE_PROOF_LEN],
) -> (LaneStream, Option<[u8; LANE_PROOF_LEN]>) {
    let mut stream = channel.stream;
    let mut answer = [0; LANE_PROOF_LEN];
    let exchange = async {
        stream.write_all(id).await?;
        stream.write_all(proof).await?;
        stream.flush().await?;
        stream.read_exact(&mut answer).await
    };
    let answered = within(exchange).await.is_ok();
    (stream, answered.then_some(answer))
}

/// Waits, but not for ever.
async fn within<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("the victim does nothing")
}

impl Session {
    /// Says these messages. A victim that has left already is not an error.
    pub async fn say(&mut self, messages: &[Vec<u8>]) {
        for message in messages {
            let _ = self.met.control.send(message).await;
        }
    }

    /// The next control message.
    pub async fn hear(&mut self) -> Option<Vec<u8>> {
        within(self.met.control.receive()).await
    }

    /// Skips to the next message of this kind; `None` if the victim leaves before.
    pub async fn until(&mut self, wanted: u16) -> Option<Vec<u8>> {
        loop {
            let message = self.hear().await?;
            if kind(&message) == wanted {
                return Some(message);
            }
        }
    }

    /// Sends a data frame. A victim that has left already is not an error.
    pub async fn data(&mut self, header: &DataHeader, body: &[u8]) {
        let _ = self.raw_data(&header.encode(), body).await;
    }

    pub async fn raw_data(&mut self, header: &[u8], body: &[u8]) -> io::Result<()> {
        self.lane.write_all(header).await?;
        self.lane.write_all(body).await?;
        self.lane.flush().await
    }

    /// Receives a data frame.
    pub async fn frame(&mut self) -> io::Result<DataFrame> {
        let mut header = [0; DATA_HEADER_LEN];
        within(self.lane.read_exact(&mut header)).await?;
        let header = DataHeader::decode(&header).map_err(io::Error::other)?;
        let mut body = vec![0; header.stored as usize];
        within(self.lane.read_exact(&mut body)).await?;
        Ok(DataFrame { header, body })
    }

    /// Ends both connections properly.
    pub async fn leave(mut self) {
        let _ = self.lane.shutdown().await;
        let _ = self.met.control.stream.shutdown().await;
    }

    /// Ends both connections as a crash would: without a word.
    pub fn vanish(self) {
        drop(self.lane.into_inner_tcp());
        drop(self.met.control.stream.into_inner_tcp());
    }
}

/// The socket under a TLS connection; what TLS had to say at the end is not said.
trait IntoTcp {
    fn into_inner_tcp(self) -> TcpStream;
}

impl IntoTcp for LaneStream {
    fn into_inner_tcp(self) -> TcpStream {
        match self {
            TlsStream::Client(s) => s.into_inner().0,
            TlsStream::Server(s) => s.into_inner().0,
        }
    }
}
