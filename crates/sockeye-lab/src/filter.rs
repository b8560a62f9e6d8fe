//! Loss and firewalls: what a host drops.

use std::fmt::Write as _;

use crate::tool::{self, IP6TABLES, IPTABLES, NFT};
use crate::{LabError, Namespace};

/// Which packets a host drops, loopback never among them. Starts as all of one direction and is narrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    direction: Direction,
    protocol: Option<&'static str>,
    port: Option<u16>,
    ratio: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Incoming,
    Outgoing,
}

/// What applies the filters of a host: nftables, or iptables where the kernel or the system lacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Nft,
    Iptables,
}

impl Filter {
    /// Everything that comes in from another host. Lost without a word, as on a bad link.
    pub const fn incoming() -> Self {
        Self { direction: Direction::Incoming, protocol: None, port: None, ratio: 1.0 }
    }

    /// Everything that goes out to another host. The program that sends is told (`EPERM`), as by a local
    /// firewall.
    pub const fn outgoing() -> Self {
        Self { direction: Direction::Outgoing, ..Self::incoming() }
    }

    /// Of that, UDP only.
    #[must_use]
    pub const fn udp(self) -> Self {
        Self { protocol: Some("udp"), ..self }
    }

    /// Of that, TCP only.
    #[must_use]
    pub const fn tcp(self) -> Self {
        Self { protocol: Some("tcp"), ..self }
    }

    /// Of that, what goes to this port. Needs [`udp`](Self::udp) or [`tcp`](Self::tcp) as well.
    #[must_use]
    pub const fn to_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// Of that, this share (0 to 1), drawn for each packet on its own. Segments that the sender's kernel
    /// handed over as one packet are lost as one.
    #[must_use]
    pub const fn ratio(self, ratio: f64) -> Self {
        Self { ratio, ..self }
    }

    pub(crate) fn apply(self, host: &Namespace) -> Result<(), LabError> {
        match host.backend.get() {
            Some(Backend::Nft) => self.apply_nft(host),
            Some(Backend::Iptables) => self.apply_iptables(host),
            None => {
                let backend = match self.apply_nft(host) {
                    Ok(()) => Backend::Nft,
                    Err(_) => self.apply_iptables(host).map(|()| Backend::Iptables)?,
                };
                host.backend.get_or_init(|| backend);
                Ok(())
            }
        }
    }

    pub(crate) fn clear(host: &Namespace) -> Result<(), LabError> {
        match host.backend.get() {
            None => Ok(()),
            Some(Backend::Nft) => nft(host, "delete table inet lab\n"),
            Some(Backend::Iptables) => [IPTABLES, IP6TABLES]
                .into_iter()
                .try_for_each(|program| host.run(program.path()?, ["-w", "-F"]).map(drop)),
        }
    }

    fn apply_nft(self, host: &Namespace) -> Result<(), LabError> {
        nft(host, &format!("{NFT_TABLE}add rule inet lab {}\n", self.nft_rule()))
    }

    fn nft_rule(self) -> String {
        let mut rule = match self.direction {
            Direction::Incoming => String::from("incoming iifname != \"lo\""),
            Direction::Outgoing => String::from("outgoing oifname != \"lo\""),
        };
        // Writing to a string cannot fail.
        let _ = match (self.protocol, self.port) {
            (Some(protocol), Some(port)) => write!(rule, " {protocol} dport {port}"),
            (Some(protocol), None) => write!(rule, " meta l4proto {protocol}"),
            (None, _) => Ok(()),
        };
        if self.ratio < 1.0 {
            let share = self.ratio * f64::from(NFT_PARTS);
            let _ = write!(rule, " numgen random mod {NFT_PARTS} < {share:.0}");
        }
        rule.push_str(" drop");
        rule
    }

    fn apply_iptables(self, host: &Namespace) -> Result<(), LabError> {
        let rule = self.iptables_rule();
        [IPTABLES, IP6TABLES]
            .into_iter()
            .try_for_each(|program| host.run(program.path()?, rule.split_whitespace()).map(drop))
    }

    fn iptables_rule(self) -> String {
        let mut rule = match self.direction {
            Direction::Incoming => String::from("-w -A INPUT ! -i lo"),
            Direction::Outgoing => String::from("-w -A OUTPUT ! -o lo"),
        };
        if let Some(protocol) = self.protocol {
            let _ = write!(rule, " -p {protocol}");
            if let Some(port) = self.port {
                let _ = write!(rule, " --dport {port}");
            }
        }
        if self.ratio < 1.0 {
            let _ = write!(rule, " -m statistic --mode random --probability {}", self.ratio);
        }
        rule.push_str(" -j DROP");
        rule
    }
}

fn nft(host: &Namespace, script: &str) -> Result<(), LabError> {
    let mut command = host.command(NFT.path()?);
    command.args(["-f", "-"]);
    tool::run(command, script).map(drop)
}

/// Adding what is there already changes nothing.
const NFT_TABLE: &str = "\
add table inet lab
add chain inet lab incoming { type filter hook input priority 0; }
add chain inet lab outgoing { type filter hook output priority 0; }
";

/// How finely nftables draws its numbers.
const NFT_PARTS: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn rules_say_the_same_in_both_languages() {
        let table = [
            (
                Filter::incoming().udp(),
                "incoming iifname != \"lo\" meta l4proto udp drop",
                "-w -A INPUT ! -i lo -p udp -j DROP",
            ),
            (
                Filter::outgoing().tcp().to_port(46_710),
                "outgoing oifname != \"lo\" tcp dport 46710 drop",
                "-w -A OUTPUT ! -o lo -p tcp --dport 46710 -j DROP",
            ),
            (
                Filter::incoming().ratio(0.05),
                "incoming iifname != \"lo\" numgen random mod 1000000 < 50000 drop",
                "-w -A INPUT ! -i lo -m statistic --mode random --probability 0.05 -j DROP",
            ),
        ];
        for (filter, nft, iptables) in table {
            assert_eq!(filter.nft_rule(), nft);
            assert_eq!(filter.iptables_rule(), iptables);
        }
    }
}
