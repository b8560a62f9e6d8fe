//! Why discovery cannot work here.

use sockeye_net::NetError;
use sockeye_proto::discovery::ConfigError;

/// Discovery could not be started. Once it runs, what goes wrong is logged and tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The system gave no socket or no interface.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The caller asked for something that cannot be announced or looked for.
    #[error(transparent)]
    Config(#[from] ConfigError),
}
