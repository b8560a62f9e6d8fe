//! TLS 1.3 with raw public keys (RFC 7250) made for this run. No other module names a type of the TLS library except
//! through the aliases here.
//!
//! The keys prove nothing by themselves: pairing binds them (`specs/03-pairing.md`). No tickets, no resumption, no early
//! data, no server name.

use std::{io, sync::Arc};

use aws_lc_rs::{rand::SystemRandom, signature::Ed25519KeyPair};
use rustls::{
    CipherSuite, ClientConfig, DigitallySignedStruct, DistinguishedName, NamedGroup, ServerConfig,
    SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs as provider, verify_tls13_signature_with_raw_key,
    },
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
    },
    server::{
        AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use sockeye_proto::pairing::EXPORTER_LABEL;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// A TLS connection over TCP.
pub(crate) type Stream = TlsStream<TcpStream>;

/// Protocol names in the handshake (ALPN): what a connection is for.
const CONTROL: &[u8] = b"sockeye/1";
const LANE: &[u8] = b"sockeye-lane/1";

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Pairing, then control messages.
    Control,
    /// Data frames.
    Lane,
}

/// The facts of a finished handshake that higher layers bind to.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// 32 bytes that only the two ends of this connection know.
    pub(crate) exporter: [u8; 32],
    /// The peer's key of this run, as SubjectPublicKeyInfo.
    pub(crate) peer_key: Vec<u8>,
    /// What the dialer said the connection is for.
    pub(crate) purpose: Purpose,
}

/// This run's key and the configurations made from it.
pub(crate) struct RunKey {
    public: Vec<u8>,
    control: Arc<ClientConfig>,
    lane: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl RunKey {
    /// Makes a fresh key.
    pub(crate) fn generate() -> io::Result<Self> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| io::Error::other("no randomness"))?;
        let provider = Arc::new(crypto_provider());
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec()));
        let signer = provider.key_provider.load_private_key(private).map_err(io::Error::other)?;
        let public =
            signer.public_key().ok_or_else(|| io::Error::other("a key without public part"))?.to_vec();
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(public.clone())], signer));
        let client =
            |alpn: &[u8]| client_config(&provider, &key, alpn).map(Arc::new).map_err(io::Error::other);
        Ok(Self {
            control: client(CONTROL)?,
            lane: client(LANE)?,
            server: Arc::new(server_config(&provider, &key).map_err(io::Error::other)?),
            public,
        })
    }

    /// This run's public key as SubjectPublicKeyInfo.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Handshake as the dialer.
    pub(crate) async fn dial(&self, tcp: TcpStream, purpose: Purpose) -> io::Result<(Stream, Channel)> {
        let config = match purpose {
            Purpose::Control => Arc::clone(&self.control),
            Purpose::Lane => Arc::clone(&self.lane),
        };
        // The name is never sent; the library wants one all the same.
        let name = ServerName::try_from("sockeye.invalid").map_err(io::Error::other)?;
        let stream: Stream = TlsConnector::from(config).connect(name, tcp).await?.into();
        let channel = channel_of(&stream)?;
        Ok((stream, channel))
    }

    /// Handshake as the listener.
    pub(crate) async fn accept(&self, tcp: TcpStream) -> io::Result<(Stream, Channel)> {
        let stream: Stream = TlsAcceptor::from(Arc::clone(&self.server)).accept(tcp).await?.into();
        let channel = channel_of(&stream)?;
        Ok((stream, channel))
    }
}

fn channel_of(stream: &Stream) -> io::Result<Channel> {
    let (_, connection) = stream.get_ref();
    let purpose = match connection.alpn_protocol() {
        Some(CONTROL) => Purpose::Control,
        Some(LANE) => Purpose::Lane,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "the peer does not speak sockeye")),
    };
    let peer_key = match connection.peer_certificates() {
        Some([key]) => key.to_vec(),
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "the peer showed no key")),
    };
    let exporter = match stream {
        TlsStream::Client(s) => s.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None),
        TlsStream::Server(s) => s.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None),
    };
    Ok(Channel { exporter: exporter.map_err(io::Error::other)?, peer_key, purpose })
}

/// Only the hybrid of X25519 and ML-KEM-768: every version of this program has it, so nobody is asked for less, and who
/// stands in between cannot ask for less either. AES-128-GCM first where the processor has AES, ChaCha20 first where not: the slow one costs four times as much.
fn crypto_provider() -> CryptoProvider {
    let mut crypto = provider::default_provider();
    let first = if has_aes() {
        CipherSuite::TLS13_AES_128_GCM_SHA256
    } else {
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
    };
    crypto.kx_groups.retain(|group| group.name() == NamedGroup::X25519MLKEM768);
    crypto.cipher_suites.retain(|suite| suite.tls13().is_some());
    crypto.cipher_suites.sort_by_key(|suite| suite.suite() != first);
    crypto
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn has_aes() -> bool {
    std::is_x86_feature_detected!("aes")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}

fn client_config(
    provider: &Arc<CryptoProvider>,
    key: &Arc<CertifiedKey>,
    alpn: &[u8],
) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey::new(provider)))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(key))));
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    key: &Arc<CertifiedKey>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(AnyKey::new(provider)))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(key))));
    config.alpn_protocols = vec![CONTROL.to_vec(), LANE.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// Accepts any raw key whose handshake signature holds: who it belongs to is pairing's question.
#[derive(Debug)]
struct AnyKey {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyKey {
    fn new(provider: &CryptoProvider) -> Self {
        Self { algorithms: provider.signature_verification_algorithms }
    }

    fn check(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }
}

/// TLS 1.2 is never negotiated; its signatures are refused all the same.
fn no_tls12() -> Result<HandshakeSignatureValid, rustls::Error> {
    Err(rustls::PeerIncompatible::Tls12NotOffered.into())
}

fn single(intermediates: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
    if intermediates.is_empty() { Ok(()) } else { Err(rustls::CertificateError::BadEncoding.into()) }
}

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _key: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        single(intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _key: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        single(intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.check(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
