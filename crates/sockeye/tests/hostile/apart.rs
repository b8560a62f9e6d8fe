//! A victim in a process of its own: what has to do with memory, and what reads standard input.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use sockeye::Code;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    peer::{Hostile, Session},
    victim::{PATIENCE, Place, Victim, Wish},
};

/// What it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A receiver whose user is asked.
    Receiver,
    /// The same, and its user looks at nothing that is told.
    DeafReceiver,
    /// A sender of one huge file of nothing.
    Sender,
    /// A sender of what it reads.
    StreamSender,
}

impl Role {
    const ALL: [Self; 4] = [Self::Receiver, Self::DeafReceiver, Self::Sender, Self::StreamSender];
}

/// The process.
pub struct Apart {
    process: Child,
    lines: mpsc::UnboundedReceiver<String>,
    /// What it reads, until this is dropped.
    pub input: Option<ChildStdin>,
    pub address: SocketAddr,
    pub code: Code,
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Apart {
    pub async fn start(role: Role) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["apart::victim_of_its_own", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env("HOSTILE_VICTIM", format!("{role:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take(), process.stdout.take().unwrap());
        let (tell, mut lines) = mpsc::unbounded_channel();
        // Whether or not anybody reads that, it must not fail of it.
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)));
        });
        let place = said(&mut lines, "victim ").await;
        let (address, code) = place.split_once(' ').unwrap();
        let (address, code) = (address.parse().unwrap(), code.parse().unwrap());
        Self { process, lines, input, address, code }
    }

    /// The most memory it ever had, in bytes.
    pub fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub async fn session(&self) -> Session {
        Hostile::new().session(self.address, &self.code).await
    }

    /// How its transfer ended.
    pub async fn ended(&mut self) -> String {
        said(&mut self.lines, "ended ").await
    }
}

/// What it says after this word.
async fn said(lines: &mut mpsc::UnboundedReceiver<String>, word: &str) -> String {
    loop {
        let line = timeout(PATIENCE, lines.recv()).await.ok().flatten();
        let line = line.unwrap_or_else(|| panic!("it never says {word:?}"));
        if let Some((_, rest)) = line.split_once(word) {
            return rest.to_owned();
        }
    }
}

/// Not a test by itself: the process of [`Apart`].
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs only as a process of another test"]
async fn victim_of_its_own() {
    let role = std::env::var("HOSTILE_VICTIM").expect("started by another test");
    let role = Role::ALL.into_iter().find(|known| format!("{known:?}") == role).expect("a role");
    let victim = match role {
        Role::Receiver | Role::DeafReceiver => Victim::receiver_with(Place::new(), Wish::ask()).await,
        Role::Sender => {
            Victim::sender(|from| {
                let file = fs::File::create(from.join("sparse")).unwrap();
                file.set_len(64 << 30).unwrap();
            })
            .await
        }
        Role::StreamSender => Victim::sender_of_a_stream().await,
    };
    println!("victim {} {}", victim.address, victim.code);
    if role == Role::DeafReceiver {
        sleep(Duration::from_secs(60)).await;
    }
    let mut transfer = victim.transfer;
    while transfer.next().await.is_some() {}
    println!("ended {:?}", transfer.finish().await);
}
