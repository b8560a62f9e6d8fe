//! Sizes, bounds and times of a delivery, with their reasons (`specs/07-delivery.md`).

use core::time::Duration;

/// Version of the packets.
pub const PACKET_VERSION: u8 = 1;

/// Bytes of a packet's clear header.
pub const HEADER_LEN: usize = 16;

/// Bytes of a packet's tag.
pub const TAG_LEN: usize = 16;

/// Bytes of a symbol where the path carries 1,500-byte packets: what IPv6 and UDP headers, ours and the tag leave.
pub const DEFAULT_SYMBOL_LEN: u16 = 1_420;

/// Shortest symbol: packets fit 1,280 bytes, which IPv6 promises everywhere, with some room. A block of 256 KiB has 231 of
/// them, which leaves 25 for repair.
pub const MIN_SYMBOL_LEN: u16 = 1_136;

/// Longest symbol: a packet of 9,000 bytes.
pub const MAX_SYMBOL_LEN: u16 = 8_920;

/// Symbols of a block, repair included: what one octet can number.
pub const MAX_SYMBOLS: u16 = 256;

/// Blocks whose digests go into one packet: 32 × 33 bytes and a signature fit the shortest symbol, and the 8 MiB that are read
/// ahead for it fit a cache.
pub const BLOCKS_PER_DIGESTS: u64 = 32;

/// Most adverts in one state packet.
pub const MAX_ADVERTS: usize = 128;

/// Most blocks in one feedback message: what is missing beyond that is asked for when the first have come.
pub const MAX_NACKS: usize = 512;

/// Most runs of blocks in one answer about what is missing.
pub const MAX_MISSING_RANGES: usize = 16_384;

/// Most ways (group, second family, broadcast) that a delivery can go.
pub const MAX_FLOWS: usize = 4;

/// Blocks of which the sender remembers how many symbols it made: 1 GiB. What is asked for later is sent by the lane.
pub(crate) const REMEMBERED_BLOCKS: usize = 4_096;

/// Blocks that a receiver follows at once. What lies further back is asked for at the end.
pub(crate) const FOLLOWED_BLOCKS: usize = 512;

/// Packets overtake each other by less than this on one network.
pub(crate) const REORDER: Duration = Duration::from_millis(2);

/// How often the sender says how far it is.
pub(crate) const STATE_EVERY: Duration = Duration::from_millis(20);

/// The soonest that a changed state is said again.
pub(crate) const STATE_SOONEST: Duration = Duration::from_millis(1);

/// Round trip assumed before one is measured, its floor and its ceiling.
pub(crate) const FIRST_ROUND_TRIP: Duration = Duration::from_millis(5);
pub(crate) const LEAST_ROUND_TRIP: Duration = Duration::from_millis(1);
pub(crate) const LONGEST_ROUND_TRIP: Duration = Duration::from_millis(500);

/// The longest queue that members of a large group take into account before they ask.
pub(crate) const MOST_QUEUE: Duration = Duration::from_millis(20);

/// After the last symbol: how long nobody must have asked for more before the pass is over. Besides ten round trips: more than a
/// member waits before it asks again.
pub(crate) const QUIET: Duration = Duration::from_millis(200);

/// The time that one report covers, and how many receivers report about one such time: more would tell the sender nothing new.
/// Those that see a queue or drops are heard more often than those that fare well.
pub(crate) const REPORT_EVERY: Duration = Duration::from_millis(25);
/// The same while the sender seeks its rate: so many reports of a member are made so fast.
pub(crate) const FIRST_REPORTS_EVERY: Duration = Duration::from_millis(8);
pub(crate) const FIRST_REPORTS: u32 = 30;

/// The soonest report, for one who sees a queue grow.
pub(crate) const SOONEST_REPORT: Duration = Duration::from_millis(4);
pub(crate) const REPORTERS: u32 = 16;
pub(crate) const TROUBLED_REPORTERS: u32 = 64;

/// Most packets of one batch: as many as the kernel takes in one call, and a 64 KiB datagram's worth.
pub const MAX_BATCH: u16 = 44;

/// A batch lasts no longer than this at the rate of the moment. Two leave at one time: a train, which shows how fast links are.
pub(crate) const BATCH_TIME: Duration = Duration::from_micros(500);

/// How far a sender that was held up may catch up.
pub(crate) const CATCH_UP: Duration = Duration::from_millis(2);
