//! Transfers that are not finished: what it takes so that the same command goes on where the last one stopped.

use std::{
    fmt,
    fs::{self, DirEntry},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use toml::value::Datetime;
use zeroize::Zeroizing;

use super::{
    Home, HomeError, hex, private,
    table::{self, SecretText},
    time,
};

/// How long an unfinished transfer is kept after it was last touched.
pub const RUN_EXPIRES: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many unfinished transfers are kept; the oldest go first.
pub const MAX_RUNS: usize = 256;

/// Most peers of one transfer: a one-to-many transfer has at most as many receivers.
pub const MAX_RUN_PEERS: usize = 1000;

const DIRECTORY: &str = "runs";
const SENT: &str = "sent-";
const RECEIVED: &str = "received-";
const ENDING: &str = ".toml";

/// Longest file, in bytes: [`MAX_RUN_PEERS`] at a quarter of a kilobyte each.
const MAX_LEN: u64 = 1 << 18;

const HEADER: &str = "\
# A transfer that is not finished. Holds secrets; removed when it is done, or after seven days.

";

/// A peer of an unfinished transfer. Debug hides the key.
#[derive(Clone, PartialEq, Eq)]
pub struct RunPeer {
    /// Its long-term public key.
    pub identity: [u8; 32],
    /// The secret shared with it.
    pub pair_key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for RunPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunPeer").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// A transfer from this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct SentRun {
    /// Which transfer.
    pub transfer_key: [u8; 32],
    /// The nameplate its receivers know it by.
    pub nameplate: u16,
    /// Who may come back without a code. At most [`MAX_RUN_PEERS`].
    pub peers: Vec<RunPeer>,
    /// When it was last at work, to the second.
    pub touched: SystemTime,
}

impl fmt::Debug for SentRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentRun")
            .field("nameplate", &self.nameplate)
            .field("peers", &self.peers)
            .field("touched", &self.touched)
            .finish_non_exhaustive()
    }
}

/// A transfer to this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRun {
    /// The nameplate of the code it began with.
    pub nameplate: u16,
    /// The sender.
    pub peer: RunPeer,
    /// When it was last at work, to the second.
    pub touched: SystemTime,
}

/// The unfinished transfers of this machine.
#[derive(Debug)]
pub struct Runs {
    directory: PathBuf,
}

impl Runs {
    /// Looks at what is there, and removes what has expired.
    pub fn open(home: &Home, now: SystemTime) -> Result<Self, HomeError> {
        private::make_directory(&home.state)?;
        let directory = home.state.join(DIRECTORY);
        private::make_directory(&directory)?;
        let runs = Self { directory };
        runs.prune(now, MAX_RUNS)?;
        Ok(runs)
    }

    /// What is known about a transfer from here.
    pub fn sent(&self, transfer_key: &[u8; 32]) -> Result<Option<SentRun>, HomeError> {
        let path = self.sent_path(transfer_key);
        let Some(bytes) = private::read(&path, MAX_LEN)? else {
            return Ok(None);
        };
        let table: SentTable = table::parse(&path, &bytes)?;
        let run = table.run().ok_or_else(|| table::corrupt(&path, "a value that cannot be".to_owned()))?;
        if run.transfer_key == *transfer_key {
            Ok(Some(run))
        } else {
            Err(table::corrupt(&path, "belongs to another transfer".to_owned()))
        }
    }

    /// The transfers to here that began with a code of this nameplate, the latest first. Files that are damaged are
    /// left alone and out.
    pub fn received(&self, nameplate: u16) -> Result<Vec<ReceivedRun>, HomeError> {
        let prefix = format!("{RECEIVED}{nameplate}-");
        let mut runs: Vec<ReceivedRun> = self
            .files()?
            .into_iter()
            .filter(|file| file.name.starts_with(&prefix))
            .filter_map(|file| read_received(&file.path))
            .filter(|run| run.nameplate == nameplate)
            .collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.touched));
        Ok(runs)
    }

    /// Keeps a transfer from here, in place of what was known about it.
    pub fn save_sent(&self, run: &SentRun) -> Result<(), HomeError> {
        let path = self.sent_path(&run.transfer_key);
        if run.peers.len() > MAX_RUN_PEERS {
            return Err(HomeError::Full { path, limit: MAX_RUN_PEERS });
        }
        self.save(&path, &SentTable::from(run), run.touched)
    }

    /// Keeps a transfer to here, in place of what was known about it.
    pub fn save_received(&self, run: &ReceivedRun) -> Result<(), HomeError> {
        let path = self.received_path(run.nameplate, &run.peer.identity);
        self.save(&path, &ReceivedTable::from(run), run.touched)
    }

    /// Forgets a transfer from here.
    pub fn remove_sent(&self, transfer_key: &[u8; 32]) -> Result<(), HomeError> {
        remove(&self.sent_path(transfer_key))
    }

    /// Forgets a transfer to here.
    pub fn remove_received(&self, nameplate: u16, identity: &[u8; 32]) -> Result<(), HomeError> {
        remove(&self.received_path(nameplate, identity))
    }

    fn sent_path(&self, transfer_key: &[u8; 32]) -> PathBuf {
        self.directory.join(format!("{SENT}{}{ENDING}", short(transfer_key)))
    }

    fn received_path(&self, nameplate: u16, identity: &[u8; 32]) -> PathBuf {
        self.directory.join(format!("{RECEIVED}{nameplate}-{}{ENDING}", short(identity)))
    }

    fn save<T: Serialize>(&self, path: &Path, table: &T, now: SystemTime) -> Result<(), HomeError> {
        let text = table::render(path, HEADER, table)?;
        if !path.exists() {
            self.prune(now, MAX_RUNS - 1)?;
        }
        private::replace(path, text.as_bytes())
    }

    /// Removes what has expired, and the oldest beyond `keep`. Goes by the files' own times, so that damaged ones
    /// and those that a crash left half written go too.
    fn prune(&self, now: SystemTime, keep: usize) -> Result<(), HomeError> {
        let mut files = self.files()?;
        // A time in the future is no age at all: a clock that was set back must not remove anything.
        let age = |file: &Found| now.duration_since(file.modified).unwrap_or_default();
        files.sort_by_key(age);
        for (index, file) in files.iter().enumerate() {
            if index >= keep || age(file) > RUN_EXPIRES {
                remove(&file.path)?;
            }
        }
        Ok(())
    }

    /// The files of ours. Others that somebody put there are not touched.
    fn files(&self) -> Result<Vec<Found>, HomeError> {
        let list = fs::read_dir(&self.directory).map_err(HomeError::io("list", &self.directory))?;
        let mut files = Vec::new();
        for entry in list {
            let entry = entry.map_err(HomeError::io("list", &self.directory))?;
            files.extend(Found::new(&entry));
        }
        Ok(files)
    }
}

/// A file of ours.
struct Found {
    name: String,
    path: PathBuf,
    modified: SystemTime,
}

impl Found {
    /// `None`: not ours, or gone meanwhile.
    fn new(entry: &DirEntry) -> Option<Self> {
        let name = entry.file_name().into_string().ok()?;
        let ours = (name.starts_with(SENT) || name.starts_with(RECEIVED)) && name.ends_with(ENDING);
        let metadata = entry.metadata().ok()?;
        if !metadata.is_file() || !(ours || name.starts_with(private::TEMPORARY)) {
            return None;
        }
        Some(Self { name, path: entry.path(), modified: metadata.modified().ok()? })
    }
}

/// Enough digits to tell transfers and peers apart.
fn short(bytes: &[u8; 32]) -> String {
    hex::encode(&bytes[..8]).to_string()
}

fn remove(path: &Path) -> Result<(), HomeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(HomeError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn read_received(path: &Path) -> Option<ReceivedRun> {
    let bytes = private::read(path, MAX_LEN).ok()??;
    table::parse::<ReceivedTable>(path, &bytes).ok()?.run()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentTable {
    version: u32,
    transfer: String,
    nameplate: u16,
    touched: Datetime,
    #[serde(default)]
    peer: Vec<PeerRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceivedTable {
    version: u32,
    nameplate: u16,
    touched: Datetime,
    peer: PeerRow,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeerRow {
    identity: String,
    pair_key: SecretText,
}

impl From<&RunPeer> for PeerRow {
    fn from(peer: &RunPeer) -> Self {
        Self { identity: hex::encode(&peer.identity).to_string(), pair_key: SecretText::new(&peer.pair_key) }
    }
}

impl PeerRow {
    fn peer(&self) -> Option<RunPeer> {
        Some(RunPeer { identity: hex::decode(&self.identity)?, pair_key: self.pair_key.decode()? })
    }
}

impl From<&SentRun> for SentTable {
    fn from(run: &SentRun) -> Self {
        Self {
            version: table::VERSION,
            transfer: hex::encode(&run.transfer_key).to_string(),
            nameplate: run.nameplate,
            touched: time::to_toml(run.touched),
            peer: run.peers.iter().map(PeerRow::from).collect(),
        }
    }
}

impl SentTable {
    fn run(&self) -> Option<SentRun> {
        if self.peer.len() > MAX_RUN_PEERS {
            return None;
        }
        Some(SentRun {
            transfer_key: hex::decode(&self.transfer)?,
            nameplate: self.nameplate,
            peers: self.peer.iter().map(PeerRow::peer).collect::<Option<_>>()?,
            touched: time::from_toml(&self.touched)?,
        })
    }
}

impl From<&ReceivedRun> for ReceivedTable {
    fn from(run: &ReceivedRun) -> Self {
        Self {
            version: table::VERSION,
            nameplate: run.nameplate,
            touched: time::to_toml(run.touched),
            peer: PeerRow::from(&run.peer),
        }
    }
}

impl ReceivedTable {
    fn run(&self) -> Option<ReceivedRun> {
        Some(ReceivedRun {
            nameplate: self.nameplate,
            peer: self.peer.peer()?,
            touched: time::from_toml(&self.touched)?,
        })
    }
}
