//! What must hold for any bytes.

use super::{DeliveryMessage, Digests, PacketHeader, State};

/// Whatever decodes as a packet or one of its bodies encodes to the same bytes.
pub fn fuzz_packet(data: &[u8]) {
    if let Ok(header) = PacketHeader::decode(data) {
        assert_eq!(header.encode(), data[..super::HEADER_LEN]);
    }
    if let Ok(digests) = Digests::decode(data) {
        assert_eq!(Digests::decode(&digests.encode()), Ok(digests));
    }
    if let Ok(state) = State::decode(data) {
        assert_eq!(state.encode(), data);
    }
}

/// Whatever decodes as a message says the same when it is encoded and decoded once more.
pub fn fuzz_message(data: &[u8]) {
    if let Ok(Some(message)) = DeliveryMessage::decode(data) {
        assert_eq!(DeliveryMessage::decode(&message.encode()), Ok(Some(message)));
    }
}
