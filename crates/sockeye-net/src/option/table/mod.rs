//! The table: numbers of Linux's headers, as libc has them, or as `<asm-generic/socket.h>`, `<linux/in.h>`, `<linux/tcp.h>`
//! have what is too new for it.

mod ip;
mod ipv6;
mod socket;
mod tcp;
mod udp;

use super::{Access, Kind, Level, Only, SocketOption};

/// Every option, by level.
pub(super) const ALL: [&[SocketOption]; 5] = [socket::ROWS, ip::ROWS, ipv6::ROWS, tcp::ROWS, udp::ROWS];

/// The number of `SOL_SOCKET`: 1 on most of Linux.
#[cfg(target_os = "linux")]
pub(super) const SOL_SOCKET: i32 = libc::SOL_SOCKET;
/// The number of `SOL_SOCKET` of the BSDs and of Windows.
#[cfg(not(target_os = "linux"))]
pub(super) const SOL_SOCKET: i32 = 0xffff;

/// The name and the number of a constant of libc.
macro_rules! known {
    ($name:ident) => {
        (stringify!($name), {
            #[cfg(target_os = "linux")]
            {
                libc::$name
            }
            #[cfg(not(target_os = "linux"))]
            {
                super::ABSENT
            }
        })
    };
}

/// The name and the number of a constant that libc does not have.
macro_rules! newer {
    ($name:ident = $number:literal) => {
        (stringify!($name), if super::HAS_NEWER { $number } else { super::ABSENT })
    };
}

use known;
use newer;

/// The number of a constant that this system does not have.
const ABSENT: i32 = -1;
/// Whether the numbers of `<asm-generic/socket.h>` hold: on MIPS and SPARC `SOL_SOCKET` has others.
const HAS_NEWER: bool = cfg!(all(
    target_os = "linux",
    not(any(
        target_arch = "mips",
        target_arch = "mips64",
        target_arch = "mips32r6",
        target_arch = "mips64r6",
        target_arch = "sparc",
        target_arch = "sparc64"
    ))
));

/// A row that applies to all sockets of its level and can be set.
const fn row(
    level: Level,
    name: &'static str,
    (constant, number): (&'static str, i32),
    kind: Kind,
    meaning: &'static str,
) -> SocketOption {
    let (access, only) = (Access::ReadWrite, Only::Any);
    SocketOption { name, level, constant, number, kind, access, only, meaning }
}

impl SocketOption {
    /// The same, for reading only.
    const fn read_only(self) -> Self {
        Self { access: Access::ReadOnly, ..self }
    }

    /// The same, for these sockets only.
    const fn only(self, only: Only) -> Self {
        Self { only, ..self }
    }
}

/// How the kernel looks for the path's largest packet (ip(7)): `IP_PMTUDISC_…`, the same numbers for IPv6.
const MTU_DISCOVER: Kind =
    Kind::Choice(&[("dont", 0), ("want", 1), ("do", 2), ("probe", 3), ("interface", 4), ("omit", 5)]);
