//! Blocks of something that has no size until it ends, such as standard input.

use std::io::{self, Read};

use sockeye_proto::content::{BLOCK_EXPONENT, BLOCK_SIZE, Digest, range_digest};

/// [`BLOCK_SIZE`] as a size in memory.
const BLOCK: usize = 1 << BLOCK_EXPONENT;

/// Cuts what a reader yields into blocks. Reads one block ahead, because a block's digest depends on whether it is all
/// there is.
#[derive(Debug)]
pub(crate) struct StreamSource<R> {
    reader: R,
    /// The next block.
    ahead: Vec<u8>,
    offset: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has been read.
    Fresh,
    /// `ahead` holds a block.
    Running,
    /// The last block was yielded, or reading failed.
    Done,
}

/// One block of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamBlock {
    /// Where it begins, in bytes: a multiple of 256 KiB.
    pub(crate) offset: u64,
    /// Whether it is the last one.
    pub(crate) last: bool,
    /// Its digest; the plain hash if it is the only one.
    pub(crate) digest: Digest,
}

impl<R: Read> StreamSource<R> {
    /// Blocks of what `reader` yields, from offset 0.
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, ahead: Vec::new(), offset: 0, state: State::Fresh }
    }

    /// The next block, its bytes in `buf`, whose former content is lost; `None` after the last one. An empty stream is
    /// one empty block, which is the last. After an error there are no more blocks.
    pub(crate) fn next_block(&mut self, buf: &mut Vec<u8>) -> io::Result<Option<StreamBlock>> {
        buf.clear();
        match self.state {
            State::Done => return Ok(None),
            State::Fresh => self.read_ahead()?,
            State::Running => {}
        }
        std::mem::swap(buf, &mut self.ahead);
        if buf.len() == BLOCK {
            self.read_ahead()?;
        }
        let last = self.ahead.is_empty();
        if last {
            self.state = State::Done;
        }
        let offset = self.offset;
        self.offset += buf.len() as u64;
        let digest = range_digest(offset, buf, last && offset == 0);
        Ok(Some(StreamBlock { offset, last, digest }))
    }

    /// Fills `ahead` as far as the stream goes.
    fn read_ahead(&mut self) -> io::Result<()> {
        self.state = State::Done;
        self.ahead.clear();
        self.ahead.reserve(BLOCK);
        self.reader.by_ref().take(BLOCK_SIZE).read_to_end(&mut self.ahead)?;
        self.state = State::Running;
        Ok(())
    }
}
