//! Somebody on the way who sees TLS records and can change, drop, double, exchange or cut them.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

/// What is done to one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// One bit of its last byte.
    Flip,
    /// It never arrives.
    Drop,
    /// It arrives twice.
    Double,
    /// It arrives after the next.
    Swap,
    /// The connection ends properly (for TCP) before it.
    CutBefore,
    /// The connection ends in the middle of it.
    CutInside,
    /// Something that is no record comes before it.
    Garbage,
}

/// One record of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Connections are numbered as they come: 0 is the first control connection, 1 its lane.
    pub connection: usize,
    /// From the dialer to the listener.
    pub upward: bool,
    /// Records of this direction count from 0, the handshake's among them.
    pub record: usize,
    pub tamper: Tamper,
}

/// A relay in front of a listener.
pub struct Proxy {
    pub address: SocketAddr,
    /// Whether the plan has been carried out.
    pub done: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub async fn start(target: SocketAddr, plan: Option<Plan>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let (count, flag) = (AtomicUsize::new(0), Arc::clone(&done));
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(target).await else { continue };
                let _ = (near.set_nodelay(true), far.set_nodelay(true));
                let number = count.fetch_add(1, Ordering::Relaxed);
                let plan = plan.filter(|plan| plan.connection == number);
                let (from_near, to_near) = near.into_split();
                let (from_far, to_far) = far.into_split();
                let (up, down) = (plan.filter(|p| p.upward), plan.filter(|p| !p.upward));
                tokio::spawn(relay(from_near, to_far, up, Arc::clone(&flag)));
                tokio::spawn(relay(from_far, to_near, down, Arc::clone(&flag)));
            }
        });
        Self { address, done, task }
    }
}

async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, plan: Option<Plan>, done: Arc<AtomicBool>) {
    let _ = records(&mut from, &mut to, plan, &done).await;
    let _ = to.shutdown().await;
}

async fn records(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    plan: Option<Plan>,
    done: &AtomicBool,
) -> io::Result<()> {
    let mut number = 0;
    loop {
        let record = read_record(from).await?;
        match plan.filter(|plan| plan.record == number) {
            None => to.write_all(&record).await?,
            Some(plan) => {
                done.store(true, Ordering::Relaxed);
                tampered(plan.tamper, record, from, to).await?;
            }
        }
        number += 1;
    }
}

async fn tampered(
    how: Tamper,
    mut record: Vec<u8>,
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
) -> io::Result<()> {
    match how {
        Tamper::Flip => {
            *record.last_mut().unwrap() ^= 1;
            to.write_all(&record).await
        }
        Tamper::Drop => Ok(()),
        Tamper::Double => {
            to.write_all(&record).await?;
            to.write_all(&record).await
        }
        Tamper::Swap => {
            let next = read_record(from).await?;
            to.write_all(&next).await?;
            to.write_all(&record).await
        }
        Tamper::CutBefore => Err(io::ErrorKind::ConnectionAborted.into()),
        Tamper::CutInside => {
            to.write_all(&record[..record.len() / 2]).await?;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Tamper::Garbage => {
            to.write_all(&[0x17, 3, 3, 0, 20]).await?;
            to.write_all(&[0xa5; 20]).await?;
            to.write_all(&record).await
        }
    }
}

async fn read_record(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut record = vec![0; 5];
    from.read_exact(&mut record).await?;
    let len = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + len, 0);
    from.read_exact(&mut record[5..]).await?;
    Ok(record)
}
