//! What goes through, shown on standard output and kept in a file.

use std::{
    cell::RefCell,
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    time::{Instant, SystemTime},
};

use tokio::sync::Notify;

use super::ends::Unit;
use crate::{
    args::RelayArgs,
    formats::{OutFormat, Record},
    output::{say, stdout},
    trouble::Trouble,
};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the caller.
    Up,
    /// To the caller.
    Down,
}

impl Direction {
    /// Its name in events.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// To draw differently for each.
    pub(super) const fn number(self) -> u64 {
        match self {
            Self::Up => 1 << 40,
            Self::Down => 2 << 40,
        }
    }
}

/// Who watches.
pub(super) struct Watch {
    output: OutFormat,
    events: bool,
    record: Option<RefCell<BufWriter<File>>>,
    path: PathBuf,
    trouble: RefCell<Option<std::io::Error>>,
    broke: Notify,
    began: Instant,
}

impl Watch {
    /// Makes the file of the record, which must be new.
    pub(super) fn new(args: &RelayArgs) -> Result<Self, Trouble> {
        let make = |path: &PathBuf| {
            File::options()
                .write(true)
                .create_new(true)
                .open(path)
                .map(|file| RefCell::new(BufWriter::new(file)))
                .map_err(|source| Trouble::file("create", path, source))
        };
        Ok(Self {
            output: args.output.clone(),
            events: args.json,
            record: args.record.as_ref().map(make).transpose()?,
            path: args.record.clone().unwrap_or_default(),
            trouble: RefCell::new(None),
            broke: Notify::new(),
            began: Instant::now(),
        })
    }

    /// Waits until the record cannot be written any more.
    pub(super) async fn failed(&self) -> Trouble {
        self.broke.notified().await;
        let source = self.trouble.borrow_mut().take().unwrap_or_else(|| std::io::ErrorKind::Other.into());
        Trouble::file("write", &self.path, source)
    }

    /// Something goes through, or is lost on the way.
    pub(super) fn saw(&self, connection: u64, way: Direction, number: u64, unit: &Unit, lost: bool) {
        let shown = unit.message.as_ref().map_or(&unit.bytes, |message| &message.payload);
        let spot = unit.message.as_ref().and_then(|message| message.spot);
        let record = Record {
            direction: Some(way.name()),
            connection: Some(connection),
            number,
            offset: spot.map(|spot| spot.offset).or(unit.offset),
            wire_len: unit.bytes.len(),
            at: Some((SystemTime::now(), self.began.elapsed())),
            reads: spot.map(|spot| spot.reads),
            header: unit.message.as_ref().map_or(&[], |message| &message.header),
            lost,
            ..Record::default()
        };
        if let Some(file) = &self.record {
            let mut line = Vec::new();
            record.append(shown, &mut line);
            let mut file = file.borrow_mut();
            if let Err(error) = file.write_all(&line).and_then(|()| file.flush()) {
                *self.trouble.borrow_mut() = Some(error);
                self.broke.notify_one();
            }
        }
        // Standard output that is broken ends the program elsewhere.
        let _ = self.show(&record, shown);
    }

    fn show(&self, record: &Record<'_>, shown: &[u8]) -> Result<(), stdout::Broken> {
        if self.events || self.output == OutFormat::Json {
            return if self.output == OutFormat::None && !self.events {
                Ok(())
            } else {
                stdout::append(|out| record.append(shown, out))
            };
        }
        let mut refused = None;
        stdout::append(|out| refused = self.output.append(shown, out).err())?;
        if let Some(error) = refused {
            say(&format!("sockeye: a message could not be written: {error}"));
        }
        Ok(())
    }
}
