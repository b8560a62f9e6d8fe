//! Real transfers of the library as victims, on loopback, with a home and directories of their own.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use cap_std::fs::Dir;
use sockeye::{
    Code, Common, Consent, Decision, DialConfig, Error, Event, Existing, Home, ListenConfig, Output,
    ReceiveConfig, Receiver, Route, SendConfig, Sender, Source, Summary, Target, Transfer,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, time::timeout};

use crate::beacon::LOOPBACK;

/// A victim that says nothing for this long hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The code of victims that dial: the hostile peer makes it, or has seen it.
pub fn shared_code() -> Code {
    "4821-tulip-harbor".parse().unwrap()
}

/// What lies beside the destination, with modes that nobody sends.
const OUTSIDE: [(&str, u32); 4] =
    [("srv/secret", 0o640), ("srv/up2/secret", 0o640), ("srv/up2", 0o711), ("srv", 0o711)];

/// Directories of one victim. Beside the destination `srv/up` lies `srv/up2`, which nothing may reach. Every scene ends with
/// the end of its place, which looks that nothing did.
pub struct Place {
    dir: TempDir,
    /// Modes and times of [`OUTSIDE`], as they were made.
    outside: Vec<Attributes>,
}

/// Mode and modification time.
type Attributes = (u32, i64, i64);

fn attributes(path: &Path) -> Attributes {
    let found = fs::symlink_metadata(path).unwrap();
    (found.mode(), found.mtime(), found.mtime_nsec())
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["srv/up", "srv/up2", "from"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("srv/up2/secret"), "secret").unwrap();
        fs::write(dir.path().join("srv/secret"), "secret").unwrap();
        for (name, mode) in OUTSIDE {
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let outside = OUTSIDE.map(|(name, _)| attributes(&dir.path().join(name))).to_vec();
        Self { dir, outside }
    }

    pub fn home(&self) -> Home {
        Home::at(&self.dir.path().join("home"))
    }

    /// Where a receiver writes.
    pub fn destination(&self) -> PathBuf {
        self.dir.path().join("srv/up")
    }

    /// Where a sender has its files.
    pub fn from(&self) -> PathBuf {
        self.dir.path().join("from")
    }

    /// The directory of unfinished files, if there is one.
    pub fn staging(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.destination()).unwrap();
        entries.map(|entry| entry.unwrap().path()).find(|path| is_staging(path))
    }

    /// Everything below the destination under final names, as sorted paths.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let root = Dir::open_ambient_dir(self.destination(), cap_std::ambient_authority()).unwrap();
        collect(&root, Path::new(""), &mut names);
        names.sort();
        names
    }

    /// Nothing has a final name.
    #[track_caller]
    pub fn assert_empty(&self) {
        assert_eq!(self.names(), Vec::<String>::new());
        self.assert_outside_untouched();
    }

    /// Nothing beside the destination was made or changed.
    #[track_caller]
    pub fn assert_outside_untouched(&self) {
        let names = |path: &str| {
            let entries = fs::read_dir(self.dir.path().join(path)).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names("srv"), ["secret", "up", "up2"]);
        assert_eq!(names("srv/up2"), ["secret"]);
        let mut top = names("");
        top.retain(|name| name != "home");
        assert_eq!(top, ["from", "srv"]);
        for secret in ["srv/secret", "srv/up2/secret"] {
            assert_eq!(fs::read(self.dir.path().join(secret)).unwrap(), b"secret");
        }
        for ((name, _), before) in OUTSIDE.iter().zip(&self.outside) {
            assert_eq!(attributes(&self.dir.path().join(name)), *before, "mode and time of {name}");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A test that failed already has said why; a second panic would end the process.
        if !std::thread::panicking() {
            self.assert_outside_untouched();
        }
    }
}

fn is_staging(path: &Path) -> bool {
    path.file_name().unwrap().as_encoded_bytes().starts_with(b".sockeye-")
}

/// Goes down by handles: paths may be longer than the system takes at once.
fn collect(dir: &Dir, below: &Path, names: &mut Vec<String>) {
    for entry in dir.entries().unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        if is_staging(&path) {
            continue;
        }
        names.push(path.to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.open_dir().unwrap(), &path, names);
        }
    }
}

/// A running transfer, its directories, and what it has told.
pub struct Victim {
    pub place: Place,
    pub transfer: Transfer,
    /// Where it listens, or who is to answer.
    pub address: SocketAddr,
    pub code: Code,
    pub events: Vec<Event>,
}

/// What a receiver is to be like.
#[derive(Clone)]
pub struct Wish {
    pub consent: Consent,
    pub existing: Existing,
    pub max_size: Option<u64>,
    pub keep: bool,
    pub portable_names: bool,
    pub remember: Option<String>,
    /// How long it waits for the other side.
    pub timeout: Duration,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            consent: Consent::Yes,
            existing: Existing::Refuse,
            max_size: None,
            keep: false,
            portable_names: false,
            remember: None,
            timeout: sockeye::DEFAULT_TIMEOUT,
        }
    }
}

impl Wish {
    pub fn ask() -> Self {
        Self { consent: Consent::Ask, ..Self::default() }
    }

    fn config(self, place: &Place, route: Route) -> ReceiveConfig {
        ReceiveConfig {
            output: Output::Directory(place.destination()),
            existing: self.existing,
            portable_names: self.portable_names,
            max_size: self.max_size,
            consent: self.consent,
            route,
            pair: self.keep,
            keep: self.keep,
            common: Common { remember: self.remember, timeout: self.timeout, ..Common::new(place.home()) },
        }
    }
}

pub fn listen() -> Route {
    Route::Listen(ListenConfig {
        port: Some(0),
        no_discovery: true,
        family: Some(4),
        ..ListenConfig::default()
    })
}

/// Goes to this address with this code.
pub fn dial(address: SocketAddr, code: &Code) -> Route {
    Route::Dial(DialConfig {
        code: Some(code.clone()),
        target: Some(Target::Host { host: address.ip().to_string(), port: Some(address.port()) }),
        no_discovery: true,
        ..DialConfig::default()
    })
}

/// Asks the network, which is this machine alone.
pub fn search(code: Option<&Code>, target: Option<Target>) -> Route {
    Route::Dial(DialConfig {
        code: code.cloned(),
        target,
        interfaces: vec![LOOPBACK.to_owned()],
        family: Some(4),
        ..DialConfig::default()
    })
}

/// A socket for a hostile listener.
pub async fn hostile_listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

impl Victim {
    /// A receiver that listens and takes everything.
    pub async fn receiver() -> Self {
        Self::receiver_with(Place::new(), Wish::default()).await
    }

    pub async fn receiver_with(place: Place, wish: Wish) -> Self {
        let transfer = Receiver::start(wish.config(&place, listen())).unwrap();
        Self::listening(place, transfer).await
    }

    /// A receiver that dials this address.
    pub fn receiver_at(address: SocketAddr, code: &Code, wish: Wish) -> Self {
        Self { address, code: code.clone(), ..Self::receiver_by(dial(address, code), wish) }
    }

    /// A receiver that goes this way.
    pub fn receiver_by(route: Route, wish: Wish) -> Self {
        let place = Place::new();
        let transfer = Receiver::start(wish.config(&place, route)).unwrap();
        Self::going(place, transfer)
    }

    /// A sender that listens; `fill` makes its files.
    pub async fn sender(fill: impl FnOnce(&Path)) -> Self {
        let place = Place::new();
        fill(&place.from());
        let transfer = Sender::start(sending(&place, listen())).unwrap();
        Self::listening(place, transfer).await
    }

    /// A sender that listens, of what this process reads from its standard input.
    pub async fn sender_of_a_stream() -> Self {
        let place = Place::new();
        let config = SendConfig { sources: vec![Source::Stdin], ..sending(&place, listen()) };
        let transfer = Sender::start(config).unwrap();
        Self::listening(place, transfer).await
    }

    /// A sender that dials.
    pub fn sender_at(address: SocketAddr, code: &Code, fill: impl FnOnce(&Path)) -> Self {
        let place = Place::new();
        fill(&place.from());
        let going = Self::sender_by(place, dial(address, code), |_| ());
        Self { address, code: code.clone(), ..going }
    }

    /// A sender that goes this way, from a place with its files in it.
    pub fn sender_by(place: Place, route: Route, change: impl FnOnce(&mut Common)) -> Self {
        let mut config = sending(&place, route);
        change(&mut config.common);
        let transfer = Sender::start(config).unwrap();
        Self::going(place, transfer)
    }

    fn going(place: Place, transfer: Transfer) -> Self {
        let (address, code) = ((Ipv4Addr::LOCALHOST, 0).into(), shared_code());
        Self { place, transfer, address, code, events: Vec::new() }
    }

    async fn listening(place: Place, transfer: Transfer) -> Self {
        let mut victim = Self::going(place, transfer);
        let Event::Code { code, addresses } = victim.event(|e| matches!(e, Event::Code { .. })).await else {
            unreachable!("a code was waited for");
        };
        victim.address.set_port(addresses[0].port());
        victim.code = code;
        victim
    }

    /// Waits for an event of this kind.
    pub async fn event(&mut self, wanted: impl Fn(&Event) -> bool + Send) -> Event {
        let find = async {
            loop {
                let Some(event) = self.transfer.next().await else {
                    panic!("it ended without the event; it told {:?}", self.events)
                };
                self.events.push(event.clone());
                if wanted(&event) {
                    return event;
                }
            }
        };
        timeout(PATIENCE, find).await.expect("an event in time")
    }

    pub async fn paired(&mut self) {
        self.event(|event| matches!(event, Event::Paired { .. })).await;
    }

    pub async fn reconnecting(&mut self) {
        self.event(|event| matches!(event, Event::Reconnecting { .. })).await;
    }

    /// Waits for the offer.
    pub async fn offer(&mut self) -> sockeye::Offer {
        let Event::Offer(offer) = self.event(|event| matches!(event, Event::Offer(_))).await else {
            unreachable!("an offer was waited for");
        };
        offer
    }

    pub fn accept(&self) {
        self.transfer.decide(Decision::Accept);
    }

    /// Waits for the end.
    pub async fn end(mut self) -> (Place, Vec<Event>, Result<Summary, Error>) {
        let Self { place, transfer, events, .. } = &mut self;
        let gather = async {
            while let Some(event) = transfer.next().await {
                events.push(event);
            }
        };
        timeout(PATIENCE, gather).await.unwrap_or_else(|_| panic!("no end in time after {events:?}"));
        let place = std::mem::replace(place, Place::new());
        let events = std::mem::take(events);
        (place, events, self.transfer.finish().await)
    }

    /// Waits for an end with an error.
    pub async fn fails(self) -> (Place, Error) {
        let (place, events, end) = self.end().await;
        match end {
            Err(error) => (place, error),
            Ok(summary) => panic!("it should have failed: {summary:?} after {events:?}"),
        }
    }

    /// Waits for a good end.
    pub async fn succeeds(self) -> (Place, Summary) {
        let (place, events, end) = self.end().await;
        (place, end.unwrap_or_else(|error| panic!("it should have gone well: {error:?} after {events:?}")))
    }

    /// Stops it; whatever it says then, it says soon.
    pub async fn cancel(self) -> (Place, Vec<Event>) {
        self.transfer.canceller().cancel();
        let (place, events, end) = self.end().await;
        assert!(matches!(end, Err(Error::Cancelled)), "{end:?}");
        (place, events)
    }
}

fn sending(place: &Place, route: Route) -> SendConfig {
    let mut sources: Vec<Source> =
        fs::read_dir(place.from()).unwrap().map(|entry| Source::Path(entry.unwrap().path())).collect();
    sources.sort_by_key(|source| format!("{source:?}"));
    SendConfig { sources, exclude: Vec::new(), route, many: None, common: Common::new(place.home()) }
}

/// The reasons that are the peer's fault, which is what a hostile peer should get.
pub fn is_peers_fault(error: &Error) -> bool {
    matches!(error, Error::PeerMisbehaved { .. } | Error::PeerIncompatible { .. })
}
