//! Sends as many datagrams as the kernel takes, for measuring a receiver: `flood ADDRESS:PORT BYTES SECONDS`. Prints how many
//! were sent.

use std::{
    error::Error,
    io,
    net::{Ipv4Addr, UdpSocket},
    time::{Duration, Instant},
};

use sockeye_net::datagram::{SEND_LEN, send_datagrams_now};

fn main() -> Result<(), Box<dyn Error>> {
    let [target, bytes, seconds] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "give ADDRESS:PORT BYTES SECONDS")?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(target)?;
    let payload = vec![0x55; bytes.parse()?];
    let batch = [&payload[..]; SEND_LEN];
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let mut sent = 0_u64;
    while Instant::now() < end {
        match send_datagrams_now(&socket, &batch) {
            Ok(count) => sent += count as u64,
            // The receiver was gone for a moment, or the local queue was full.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if error.raw_os_error() == Some(ENOBUFS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    println!("{sent}");
    Ok(())
}

const ENOBUFS: i32 = 105;
