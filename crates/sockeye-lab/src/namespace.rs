//! Hosts: one network namespace each.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::filter::Backend;
use crate::tool::{self, IP, NSENTER, UNSHARE};
use crate::{Filter, Interface, LabError, Skip};

/// The laboratory as a whole.
#[derive(Debug)]
pub struct Lab;

impl Lab {
    /// Whether this process may make network namespaces; else why not. The answer is found once and
    /// remembered.
    pub fn available() -> Result<(), Skip> {
        owner().as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Whether hosts here may also have filters ([`Namespace::filter`]), which takes nftables or iptables; else why not.
    /// The answer is found once and remembered.
    pub fn filters() -> Result<(), Skip> {
        static FILTERS: OnceLock<Result<(), Skip>> = OnceLock::new();
        Self::available()?;
        let tried = FILTERS.get_or_init(|| {
            let host = Namespace::new("filters").map_err(|error| Skip::new(error.to_string()))?;
            let one = Filter::incoming().udp().ratio(0.5);
            host.filter(one).map_err(|error| Skip::new(format!("no filters: {error}")))
        });
        tried.clone()
    }
}

/// A host of its own: loopback is up, no other interface, duplicate address detection off.
///
/// Dropping it takes the host and its interfaces away. Programs still running in it keep the empty shell
/// alive, so drop [`Running`](crate::Running) guards first (declare them later).
#[derive(Debug)]
pub struct Namespace {
    label: String,
    holder: Child,
    interfaces: AtomicU32,
    pub(crate) backend: OnceLock<Backend>,
}

impl Namespace {
    /// A new host. The label shows in error messages only.
    pub fn new(label: &str) -> Result<Self, LabError> {
        let owner = owner().as_ref().map_err(Clone::clone)?;
        Self::held_by(owner, label)
    }

    fn held_by(owner: &Owner, label: &str) -> Result<Self, LabError> {
        let mut command = owner.enter(None)?;
        command.arg(UNSHARE.path()?).arg("--net").args(["sh", "-c", HOST_SCRIPT, "sh"]).arg(IP.path()?);
        let holder = hold(command)?;
        Ok(Self { label: label.into(), holder, interfaces: AtomicU32::new(0), backend: OnceLock::new() })
    }

    /// The label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The process that holds the namespace, as `nsenter --net --target` takes it.
    pub fn id(&self) -> u32 {
        self.holder.id()
    }

    /// A command that runs on this host. Its process is the program itself, so killing it kills the program;
    /// it keeps the working directory and the environment, and reads nothing unless told to.
    ///
    /// `/sys` stays the machine's own: programs that read interfaces from `/sys/class/net` see the wrong ones.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = owner()
            .as_ref()
            .map_err(|why| LabError::from(why.clone()))
            .and_then(|owner| owner.enter(Some(self.id())))
            .expect("a namespace exists, so its owner and nsenter do");
        command.arg(program).stdin(Stdio::null());
        command
    }

    /// Runs a program on this host to its end; its standard output. Anything but success is an error that
    /// quotes it.
    pub fn run<I, S>(&self, program: impl AsRef<OsStr>, arguments: I) -> Result<String, LabError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = self.command(program);
        command.args(arguments);
        tool::run(command, "")
    }

    /// Runs `ip` on this host, its words separated by blanks; its output.
    pub fn ip(&self, words: &str) -> Result<String, LabError> {
        self.run(IP.path()?, words.split_whitespace())
    }

    /// Sets a kernel parameter of this host by its path below `/proc/sys/net`, such as
    /// `ipv4/tcp_congestion_control`.
    pub fn set_parameter(&self, path: &str, value: &str) -> Result<(), LabError> {
        let script = "printf %s \"$2\" >\"/proc/sys/net/$1\"";
        self.run("sh", ["-c", script, "sh", path, value]).map(drop)
    }

    /// Takes every IPv4 address away, that of loopback too: what remains is a host that knows IPv6 alone.
    pub fn remove_ipv4(&self) -> Result<(), LabError> {
        self.ip("-4 addr flush up").map(drop)
    }

    /// Sends what no other route takes out of this interface: needed for 255.255.255.255 and for groups where
    /// the program names no interface.
    pub fn add_default_route(&self, interface: &Interface) -> Result<(), LabError> {
        if interface.ipv4.is_some() {
            self.ip(&format!("-4 route add default dev {}", interface.name))?;
        }
        if interface.link_local.is_some() {
            self.ip(&format!("-6 route add default dev {}", interface.name))?;
        }
        Ok(())
    }

    /// Unplugs the cable at this interface; what was sent is lost, addresses of IPv4 stay.
    pub fn unplug(&self, interface: &Interface) -> Result<(), LabError> {
        self.ip(&format!("link set {} down", interface.name)).map(drop)
    }

    /// Plugs the cable in again. Addresses of IPv6 other than the link-local one do not come back.
    pub fn plug_in(&self, interface: &Interface) -> Result<(), LabError> {
        self.ip(&format!("link set {} up", interface.name)).map(drop)
    }

    /// Drops packets on this host as the filter says, in addition to what earlier filters drop.
    pub fn filter(&self, filter: Filter) -> Result<(), LabError> {
        filter.apply(self)
    }

    /// Takes all filters away again.
    pub fn clear_filters(&self) -> Result<(), LabError> {
        Filter::clear(self)
    }

    /// Drops every UDP packet that comes to this host from another one, without a word: discovery finds
    /// nothing.
    pub fn block_udp(&self) -> Result<(), LabError> {
        self.filter(Filter::incoming().udp())
    }

    /// The next free interface name.
    pub(crate) fn next_interface(&self) -> String {
        format!("eth{}", self.interfaces.fetch_add(1, Ordering::Relaxed))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Both fail only where the process is gone already, which is what is wanted.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Whose rights make the namespaces: root's own, or those inside a user namespace.
#[derive(Debug)]
struct Owner {
    user_namespace: Option<Child>,
}

fn owner() -> &'static Result<Owner, Skip> {
    static OWNER: OnceLock<Result<Owner, Skip>> = OnceLock::new();
    OWNER.get_or_init(|| {
        Owner::new().map_err(|error| {
            Skip::new(format!(
                "this process may not make network namespaces, neither as it is nor as a user: {error}"
            ))
        })
    })
}

impl Owner {
    /// Tries as we are, then as an ordinary user; the error is that of the second try.
    fn new() -> Result<Self, LabError> {
        let plain = Self { user_namespace: None };
        if plain.works().is_ok() {
            return Ok(plain);
        }
        let mut command = Command::new(UNSHARE.path()?);
        command.args(["--map-root-user", "--net", "sh", "-c", "echo ready; exec cat"]);
        let owner = Self { user_namespace: Some(hold(command)?) };
        owner.works()?;
        Ok(owner)
    }

    /// A whole host with a pair of interfaces: that needs all the rights that the laboratory uses.
    fn works(&self) -> Result<(), LabError> {
        let host = Namespace::held_by(self, "trial")?;
        let mut command = self.enter(Some(host.id()))?;
        command.arg(IP.path()?).args("link add trial0 type veth peer name trial1".split(' '));
        tool::run(command, "").map(drop)
    }

    /// The beginning of a command line that enters our user namespace, if any, and the network namespace of a
    /// process.
    fn enter(&self, network: Option<u32>) -> Result<Command, LabError> {
        let mut command = Command::new(NSENTER.path()?);
        if let Some(child) = &self.user_namespace {
            command.arg("--preserve-credentials").arg(format!("--user=/proc/{}/ns/user", child.id()));
        }
        if let Some(id) = network {
            command.arg(format!("--net=/proc/{id}/ns/net"));
        }
        command.arg("--");
        Ok(command)
    }
}

/// Starts a holder: it says `ready` once the namespace is as it should be, then lives until its input ends.
fn hold(mut command: Command) -> Result<Child, LabError> {
    let failed = |source| LabError::Io { doing: "start the holder of a namespace".into(), source };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut line = String::new();
    let stdout = child.stdout.take().expect("was asked for");
    BufReader::new(stdout).read_line(&mut line).map_err(failed)?;
    if line == "ready\n" {
        return Ok(child);
    }
    let shown: Vec<OsString> = command.get_args().take(6).map(OsStr::to_owned).collect();
    let output = child.wait_with_output().map_err(failed)?;
    Err(LabError::Command {
        command: format!("{} {}", command.get_program().display(), shown.join(OsStr::new(" ")).display()),
        status: output.status,
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A new host sets itself up: no waiting for duplicate addresses, no routers to look for, loopback up. `$1`
/// is `ip`. The first loop may fail, where the kernel has no IPv6.
const HOST_SCRIPT: &str = "
for scope in all default; do
  for parameter in disable_ipv6 accept_dad dad_transmits accept_ra router_solicitations; do
    echo 0 >/proc/sys/net/ipv6/conf/$scope/$parameter
  done
done 2>/dev/null
\"$1\" link set lo up || exit 1
echo ready
exec cat
";
