//! The text of a framing (`specs/00-framing.md` §2): read, and written back as the shortest that reads the same.

mod display;
mod error;
mod parse;
mod scan;

pub use error::{SpecError, SpecErrorKind};

/// Names that stand for a framing with its settings.
const PRESETS: [(&str, &str); 14] = [
    ("dns", "len:u16be"),
    ("tpkt", "len:u16be,offset=2,counts=all,lead=0x0300"),
    ("erlang:1", "len:u8"),
    ("erlang:2", "len:u16be"),
    ("erlang:4", "len:u32be"),
    ("protobuf", "varint"),
    ("lsp", "content-length"),
    ("adb", "hex:4"),
    ("iperf3", "len:u32be"),
    ("mysql", "len:u24le,extra=1"),
    ("sticky4", "dec:4"),
    ("stx-etx", "mark:0x02..0x03"),
    ("mllp", "mark:0x0b..0x1c0d"),
    ("dle", "mark:0x1002..0x1003,escape=dle"),
];

/// Names of the framings that need nothing behind them.
const NAMES: [&str; 13] = [
    "raw",
    "line",
    "crlf",
    "nul",
    "varint",
    "netstring",
    "octet-count",
    "content-length",
    "chunked",
    "json",
    "slip",
    "cobs",
    "syslog",
];

/// Names of those that do, with how they go on.
const OPEN_NAMES: [&str; 6] = ["delim:'…'", "fixed:N", "mark:'…'..'…'", "len:u32be", "dec:N", "hex:N"];

/// Suffixes of sizes and their bytes, the largest first.
const SIZE_UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
