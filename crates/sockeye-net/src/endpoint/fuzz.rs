//! Properties of the grammar that must hold for every input, as a plain function: run by a fuzzer, by the tests over the saved corpus,
//! and by anyone with a suspicious text.

use super::{Endpoint, EndpointError};

/// Reads the text of an endpoint and panics if a property of the grammar is broken.
///
/// Checked: a text that is read is written back as one that reads the same; neither that nor what is told of a mistake steers a
/// terminal; a character that is pointed at is one of the text.
pub fn fuzz_endpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let shown = endpoint.to_string();
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            assert_eq!(shown.parse().as_ref(), Ok(&endpoint), "{shown}");
        }
        Err(error) => {
            if let EndpointError::Character { position, .. } = error {
                assert!((1..=text.chars().count()).contains(&position), "character {position} of {text:?}");
            }
            assert!(!error.to_string().chars().any(char::is_control), "{text:?}: {error:?}");
        }
    }
}
