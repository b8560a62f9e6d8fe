//! Every setting of a length field as tokio-util's `LengthDelimitedCodec` has it, and `line` as its `LinesCodec`.

use std::format;
use std::vec::Vec;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use tokio_util::codec::{Decoder as _, Encoder as _, LengthDelimitedCodec, LinesCodec, LinesCodecError};

use crate::{DEFAULT_MAX, Decoder, Encoder, Framing, Step};

/// A header with a length as tokio-util's builder knows it.
#[derive(Clone, Debug)]
struct Header {
    width: usize,
    little: bool,
    offset: usize,
    adjustment: isize,
    skip: usize,
}

impl Header {
    fn codec(&self) -> LengthDelimitedCodec {
        let mut builder = LengthDelimitedCodec::builder();
        builder
            .length_field_length(self.width)
            .length_field_offset(self.offset)
            .length_adjustment(self.adjustment)
            .num_skip(self.skip)
            .max_frame_length(DEFAULT_MAX);
        if self.little {
            builder.little_endian();
        }
        builder.new_codec()
    }

    fn len(&self) -> usize {
        self.offset + self.width
    }

    /// As `specs/00-framing.md` §4 says that it is written here.
    fn framing(&self) -> Framing {
        let order = match self.width {
            1 => "",
            _ if self.little => "le",
            _ => "be",
        };
        let adjust =
            self.adjustment + isize::try_from(self.skip).unwrap() - isize::try_from(self.len()).unwrap();
        let (bits, offset, skip) = (8 * self.width, self.offset, self.skip);
        format!("len:u{bits}{order},offset={offset},adjust={adjust},strip={skip}").parse().unwrap()
    }

    /// A frame of so many bytes behind those that are skipped; `None` where no number says that.
    fn frame(&self, len: usize) -> Option<Vec<u8>> {
        let number = u64::try_from(isize::try_from(len).unwrap() - self.adjustment).ok()?;
        let bytes = number.to_be_bytes();
        let (zeros, field) = bytes.split_at(8 - self.width);
        if zeros.iter().any(|byte| *byte != 0) || number > self.codec().max_frame_length() as u64 {
            return None;
        }
        let mut field = field.to_vec();
        if self.little {
            field.reverse();
        }
        let mut frame: Vec<u8> = (0..self.skip + len).map(|at| b"tulip"[at % 5]).collect();
        // A frame that would end inside its own header is none here.
        frame.get_mut(self.offset..self.len())?.copy_from_slice(&field);
        Some(frame)
    }
}

fn any_header() -> impl Strategy<Value = Header> {
    (1..=8_usize, any::<bool>(), 0..6_usize, -12..20_isize, any::<prop::sample::Index>()).prop_map(
        |(width, little, offset, adjustment, skip)| {
            let skip = skip.index(offset + width + 1);
            Header { width, little, offset, adjustment, skip }
        },
    )
}

/// The payloads, and whether anything but the end of the stream stopped it.
fn ours(framing: &Framing, stream: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut decoder = Decoder::new(framing.clone());
    decoder.push(stream);
    let mut frames = Vec::new();
    while let Step::Frame { payload, .. } = decoder.next() {
        frames.push(payload.to_vec());
    }
    (frames, decoder.has_stopped())
}

fn theirs(mut codec: LengthDelimitedCodec, stream: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut buffer, mut frames) = (BytesMut::from(stream), Vec::new());
    loop {
        match codec.decode(&mut buffer) {
            Ok(Some(frame)) => frames.push(frame.to_vec()),
            Ok(None) => return (frames, false),
            Err(_) => return (frames, true),
        }
    }
}

/// Lines as either tells them; `None` for one that is too long.
type Lines = Vec<Option<Vec<u8>>>;

fn our_lines(text: &str, stream: &[u8]) -> Lines {
    let mut decoder = Decoder::new(text.parse().unwrap());
    decoder.push(stream);
    let mut lines = Vec::new();
    loop {
        lines.push(match decoder.next() {
            Step::Frame { payload, .. } => Some(payload.to_vec()),
            Step::Oversize { .. } => None,
            _ => return lines,
        });
    }
}

fn their_lines(mut codec: LinesCodec, stream: &[u8]) -> Lines {
    let (mut buffer, mut lines) = (BytesMut::from(stream), Vec::new());
    loop {
        lines.push(match codec.decode(&mut buffer) {
            Ok(Some(line)) => Some(line.into_bytes()),
            Ok(None) => return lines,
            Err(LinesCodecError::MaxLineLengthExceeded) => None,
            Err(other) => panic!("{other}"),
        });
    }
}

/// The examples in the documentation of tokio-util's module `length_delimited`, and how each is said here.
#[test]
fn tokio_util_s_documented_examples() {
    let header = |width, offset, adjustment, skip| Header { width, little: false, offset, adjustment, skip };
    for (header, text, before, after) in [
        (header(2, 0, 0, 2), "len:u16be", &b"\x00\x0bHello world"[..], &b"Hello world"[..]),
        (header(2, 0, 2, 0), "len:u16be,strip=none", b"\x00\x0bHello world", b"\x00\x0bHello world"),
        (header(2, 0, -2, 2), "len:u16be,counts=all", b"\x00\x0dHello world", b"Hello world"),
        (
            header(2, 0, 0, 0),
            "len:u16be,counts=all,strip=none",
            b"\x00\x0dHello world",
            b"\x00\x0dHello world",
        ),
        (
            header(3, 0, 5, 0),
            "len:u24be,adjust=2,strip=none",
            b"\x00\x00\x0b\xca\xfeHello world",
            b"\x00\x00\x0b\xca\xfeHello world",
        ),
        (
            header(2, 1, 1, 3),
            "len:u16be,offset=1,adjust=1",
            b"\xca\x00\x0b\xfeHello world",
            b"\xfeHello world",
        ),
        (
            header(2, 1, -3, 3),
            "len:u16be,offset=1,counts=all",
            b"\xca\x00\x0f\xfeHello world",
            b"\xfeHello world",
        ),
    ] {
        assert_eq!(header.framing(), text.parse().unwrap(), "{header:?}");
        for decode in [ours(&header.framing(), before), theirs(header.codec(), before)] {
            assert_eq!(decode, ([after.to_vec()].into(), false), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn tokio_util_takes_the_same_frames_apart(
        header in any_header(),
        lens in prop::collection::vec(0..300_usize, 0..8),
        noise in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let framing = header.framing();
        let frames: Vec<Vec<u8>> = lens.iter().filter_map(|len| header.frame(*len)).collect();
        let wanted: Vec<Vec<u8>> = frames.iter().map(|frame| frame[header.skip..].to_vec()).collect();
        let stream = frames.concat();
        prop_assert_eq!(ours(&framing, &stream), (wanted.clone(), false), "{}", framing);
        prop_assert_eq!(theirs(header.codec(), &stream), (wanted, false), "{}", framing);

        // What noise says may be refused here, for its length or for an end inside the header, and there for the number in its field.
        let stream = [stream, noise].concat();
        let ((ours, our_stop), (theirs, their_stop)) = (ours(&framing, &stream), theirs(header.codec(), &stream));
        let common = ours.len().min(theirs.len());
        prop_assert_eq!(&ours[..common], &theirs[..common], "{}", framing);
        prop_assert!(ours.len() == common || their_stop, "{}", framing);
        prop_assert!(theirs.len() == common || our_stop, "{}", framing);
    }

    #[test]
    fn tokio_util_writes_the_same_numbers(header in any_header(), payload in prop::collection::vec(any::<u8>(), 0..300)) {
        // Its encoder writes the field and the payload, whatever stands before the field or is skipped.
        let header = Header { offset: 0, skip: header.width, ..header };
        let (mut ours, mut theirs) = (Vec::new(), BytesMut::new());
        let accepted = Encoder::new(header.framing()).encode(&payload, &mut ours).is_ok();
        let taken = header.codec().encode(Bytes::from(payload.clone()), &mut theirs).is_ok();
        // It refuses by the length of the payload, not by the number that says it.
        let fits = payload.len() <= header.codec().max_frame_length();
        prop_assert!(!taken || accepted, "{}", header.framing());
        prop_assert!(!accepted || taken || !fits, "{}", header.framing());
        if taken {
            prop_assert_eq!(&ours, &theirs.to_vec());
        }
    }

    #[test]
    fn tokio_util_cuts_the_same_lines(stream in "[a-c\r\n]{0,60}") {
        prop_assert_eq!(our_lines("line", stream.as_bytes()), their_lines(LinesCodec::new(), stream.as_bytes()));
    }

    #[test]
    fn tokio_util_passes_over_the_same_long_lines(stream in "[a-c\n]{0,60}", max in 1..9_usize) {
        // It counts a carriage return before the line feed as part of the line; without one they mean the same. It refuses a line
        // one byte before it is known here that no line feed ends it; so each is ended.
        let stream = stream + "\n";
        let text = format!("line,max={max},oversize=skip");
        let codec = LinesCodec::new_with_max_length(max);
        prop_assert_eq!(our_lines(&text, stream.as_bytes()), their_lines(codec, stream.as_bytes()));
    }

    #[test]
    fn tokio_util_writes_the_same_lines(line in "[a-c \r]{0,40}") {
        let (mut ours, mut theirs) = (Vec::new(), BytesMut::new());
        let accepted = Encoder::new(Framing::line()).encode(line.as_bytes(), &mut ours).is_ok();
        LinesCodec::new().encode(&line, &mut theirs).unwrap();
        // A carriage return at the end would be lost, there in silence.
        prop_assert_eq!(accepted, !line.ends_with('\r'));
        if accepted {
            prop_assert_eq!(ours, theirs.to_vec());
        }
    }
}
