//! The file of the long-term key.

use zeroize::Zeroizing;

use crate::crypto::IdentityKey;

use super::{Home, HomeError, private};

/// Name of the file.
const FILE: &str = "identity.pk8";

/// Longest file, in bytes: an Ed25519 key takes 83 at most.
const MAX_LEN: u64 = 1024;

/// The long-term key of this machine as PKCS#8; made at the first call. When several processes come first at once, all
/// get the same.
///
/// A key that others may read is refused. So is a file that holds none: replacing it would be a new identity, which
/// no remembered peer knows.
pub fn load_or_create_identity(home: &Home) -> Result<Zeroizing<Vec<u8>>, HomeError> {
    private::make_directory(&home.config)?;
    let path = home.config.join(FILE);
    let mut document = private::read(&path, MAX_LEN)?;
    if document.is_none() {
        let fresh = IdentityKey::generate().map_err(|_| HomeError::CannotMakeKey)?;
        if private::create(&path, &fresh)? {
            return Ok(fresh);
        }
        document = private::read(&path, MAX_LEN)?;
    }
    let document = document.unwrap_or_default();
    match IdentityKey::from_pkcs8(&document) {
        Ok(_) => Ok(document),
        Err(_) => Err(HomeError::Corrupt { path, detail: "not an Ed25519 private key in PKCS#8".to_owned() }),
    }
}
