//! One JSON value after another (RFC 8259; `specs/00-framing.md` §9): `json`.
//!
//! The grammar is checked byte by byte by a machine of fixed size, so that a value which arrives in pieces is read once. Whether
//! strings are UTF-8 is left to whoever reads the value.

use super::Found;
use crate::error::Malformed;
use crate::work;

/// How deep values may be nested: what the most used parsers allow.
const DEPTH_LIMIT: u32 = u128::BITS;

/// Reads value after value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    machine: Machine,
    /// So many bytes of the value were read.
    at: usize,
    skipping: bool,
}

impl Reader {
    pub(crate) fn read(&mut self, live: &[u8], max: usize) -> Found {
        if self.at == 0 && !self.skipping {
            let idle = work::leading(live, is_space);
            if idle > 0 {
                return Found::Pass { len: idle, open: false };
            }
        }
        while let Some(&byte) = live.get(self.at) {
            work::count(1);
            match self.machine.step(byte) {
                Err(reason) => return Found::invalid(self.at, reason),
                Ok(Progress::Inside) => self.at += 1,
                Ok(Progress::Ends) => return self.finish(self.at + 1, max),
                Ok(Progress::Ended) => return self.finish(self.at, max),
            }
            if self.machine.state == State::String {
                self.at += work::leading(&live[self.at..], is_plain);
            }
            if self.at > max && !self.skipping {
                self.skipping = true;
                return Found::Oversize { announced: max as u64 + 1, wire: None, unread: 0 };
            }
        }
        if self.skipping && self.at > 0 {
            return Found::Pass { len: core::mem::take(&mut self.at), open: true };
        }
        Found::Need(0)
    }

    fn finish(&mut self, len: usize, max: usize) -> Found {
        let skipped = self.skipping;
        *self = Self::default();
        if skipped {
            Found::Pass { len, open: false }
        } else if len > max {
            Found::Oversize { announced: len as u64, wire: Some(len as u64), unread: 0 }
        } else {
            Found::Frame { header: 0, payload: len, wire: len }
        }
    }
}

/// Whether a payload is one value and nothing else; if not, the offset of what is wrong.
pub(crate) fn check(payload: &[u8]) -> Result<(), usize> {
    let mut machine = Machine::default();
    for (at, &byte) in payload.iter().enumerate() {
        match machine.step(byte) {
            Ok(Progress::Inside) => {}
            Ok(Progress::Ends) if at + 1 == payload.len() => return Ok(()),
            Ok(Progress::Ends) => return Err(at + 1),
            Ok(Progress::Ended) | Err(_) => return Err(at),
        }
    }
    match machine.step(b'\n') {
        Ok(Progress::Ended) => Ok(()),
        _ => Err(payload.len()),
    }
}

/// The state of one value.
#[derive(Clone, Debug, Default)]
struct Machine {
    state: State,
    /// Open arrays and objects.
    depth: u32,
    /// One bit for each, the innermost lowest: set where it is an object.
    objects: u128,
    /// Whether the string being read is a name.
    in_name: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// A value must come.
    #[default]
    Value,
    /// A value or the end of the array.
    FirstElement,
    /// A name or the end of the object.
    FirstName,
    Name,
    Colon,
    /// A comma or the end of what is open.
    AfterValue,
    String,
    Escape,
    /// So many hexadecimal digits must come.
    Unicode(u8),
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    /// These letters must come.
    Literal(&'static [u8]),
}

/// What a byte did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The value goes on.
    Inside,
    /// The value ends with this byte.
    Ends,
    /// The value had ended before this byte.
    Ended,
}

impl Machine {
    fn step(&mut self, byte: u8) -> Result<Progress, Malformed> {
        use State as S;
        let wrong = Malformed::Json { found: byte };
        let next = match (self.state, byte) {
            (S::String, b'"') if self.in_name => S::Colon,
            (S::String, b'"') => return Ok(self.end_value()),
            (S::String, b'\\') => S::Escape,
            (S::String, 0x20..) | (S::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                S::String
            }
            (S::Escape, b'u') => S::Unicode(4),
            (S::Unicode(1), _) if byte.is_ascii_hexdigit() => S::String,
            (S::Unicode(left), _) if byte.is_ascii_hexdigit() => S::Unicode(left - 1),
            (S::Literal(&[letter]), _) if letter == byte => return Ok(self.end_value()),
            (S::Literal([letter, rest @ ..]), _) if *letter == byte => S::Literal(rest),
            (S::Minus, b'0') => S::Zero,
            (S::Minus | S::Integer, b'0'..=b'9') => S::Integer,
            (S::Zero | S::Integer, b'.') => S::Point,
            (S::Point | S::Fraction, b'0'..=b'9') => S::Fraction,
            (S::Zero | S::Integer | S::Fraction, b'e' | b'E') => S::Exponent,
            (S::Exponent, b'+' | b'-') => S::ExponentSign,
            (S::Exponent | S::ExponentSign | S::ExponentDigits, b'0'..=b'9') => S::ExponentDigits,
            (S::Zero | S::Integer | S::Fraction | S::ExponentDigits, _) => return self.end_number(byte),
            (state, b' ' | b'\t' | b'\n' | b'\r') if self.depth > 0 && state.may_space() => state,
            (S::FirstElement, b']') | (S::FirstName, b'}') => return Ok(self.close()),
            (S::Value | S::FirstElement, _) => self.begin_value(byte)?,
            (S::FirstName | S::Name, b'"') => {
                self.in_name = true;
                S::String
            }
            (S::AfterValue, b',') if self.in_object() => S::Name,
            (S::Colon, b':') | (S::AfterValue, b',') => S::Value,
            (S::AfterValue, b'}') if self.in_object() => return Ok(self.close()),
            (S::AfterValue, b']') if !self.in_object() => return Ok(self.close()),
            _ => return Err(wrong),
        };
        self.state = next;
        Ok(Progress::Inside)
    }

    fn begin_value(&mut self, byte: u8) -> Result<State, Malformed> {
        self.in_name = false;
        Ok(match byte {
            b'"' => State::String,
            b'{' => self.open(true)?,
            b'[' => self.open(false)?,
            b'-' => State::Minus,
            b'0' => State::Zero,
            b'1'..=b'9' => State::Integer,
            b't' => State::Literal(b"rue"),
            b'f' => State::Literal(b"alse"),
            b'n' => State::Literal(b"ull"),
            found => return Err(Malformed::Json { found }),
        })
    }

    fn open(&mut self, object: bool) -> Result<State, Malformed> {
        if self.depth == DEPTH_LIMIT {
            return Err(Malformed::JsonDepth { limit: DEPTH_LIMIT });
        }
        self.depth += 1;
        self.objects = (self.objects << 1) | u128::from(object);
        Ok(if object { State::FirstName } else { State::FirstElement })
    }

    fn close(&mut self) -> Progress {
        self.depth -= 1;
        self.objects >>= 1;
        self.end_value()
    }

    fn end_value(&mut self) -> Progress {
        self.state = State::AfterValue;
        if self.depth == 0 { Progress::Ends } else { Progress::Inside }
    }

    /// A number ends before the first byte that cannot belong to it.
    fn end_number(&mut self, byte: u8) -> Result<Progress, Malformed> {
        match self.end_value() {
            Progress::Inside => self.step(byte),
            _ => Ok(Progress::Ended),
        }
    }

    const fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

impl State {
    /// Whether white space means nothing here.
    const fn may_space(self) -> bool {
        matches!(
            self,
            Self::Value | Self::FirstElement | Self::FirstName | Self::Name | Self::Colon | Self::AfterValue
        )
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether a byte inside a string stands for itself.
const fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}
