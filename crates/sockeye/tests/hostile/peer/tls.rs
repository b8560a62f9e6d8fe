//! TLS 1.3 with raw public keys, as `specs/04-transfer.md` §1 has it, written a second time.

use std::{io, net::SocketAddr, sync::Arc};

use aws_lc_rs::{rand::SystemRandom, signature::Ed25519KeyPair};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, NamedGroup, ServerConfig, SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls13_signature_with_raw_key},
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
    },
    server::{
        AlwaysResolvesServerRawPublicKeys,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

pub const CONTROL: &[u8] = b"sockeye/1";
pub const LANE: &[u8] = b"sockeye-lane/1";

/// The keys of one run.
pub struct Keys {
    pub public: Vec<u8>,
    key: Arc<CertifiedKey>,
    provider: Arc<CryptoProvider>,
}

/// A finished handshake.
pub struct Channel {
    pub stream: TlsStream<TcpStream>,
    pub exporter: [u8; 32],
    pub peer_key: Vec<u8>,
    pub alpn: Vec<u8>,
    pub address: SocketAddr,
    pub key_exchange: Option<NamedGroup>,
}

impl Keys {
    pub fn new() -> Self {
        Self::with(provider::default_provider())
    }

    /// Without the half of the key exchange that outlives quantum computers.
    pub fn classical() -> Self {
        let mut provider = provider::default_provider();
        provider.kx_groups.retain(|group| group.name() == NamedGroup::X25519);
        Self::with(provider)
    }

    fn with(provider: CryptoProvider) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let provider = Arc::new(provider);
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec()));
        let signer = provider.key_provider.load_private_key(private).unwrap();
        let public = signer.public_key().unwrap().to_vec();
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(public.clone())], signer));
        Self { public, key, provider }
    }

    pub async fn dial(&self, address: SocketAddr, alpn: &[u8]) -> io::Result<Channel> {
        self.dial_over(TcpStream::connect(address).await?, alpn).await
    }

    pub async fn dial_over(&self, tcp: TcpStream, alpn: &[u8]) -> io::Result<Channel> {
        self.connect(tcp, alpn, Some(&self.key)).await
    }

    /// Shows no key of its own.
    pub async fn dial_without_key(&self, address: SocketAddr) -> io::Result<Channel> {
        self.connect(TcpStream::connect(address).await?, CONTROL, None).await
    }

    async fn connect(
        &self,
        tcp: TcpStream,
        alpn: &[u8],
        key: Option<&Arc<CertifiedKey>>,
    ) -> io::Result<Channel> {
        tcp.set_nodelay(true)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyKey(Arc::clone(&self.provider))));
        let mut config = match key {
            Some(key) => builder
                .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(key)))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = if alpn.is_empty() { Vec::new() } else { vec![alpn.to_vec()] };
        config.enable_sni = false;
        config.resumption = Resumption::disabled();
        let name = ServerName::try_from("sockeye.invalid").unwrap();
        let address = tcp.peer_addr()?;
        channel(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?.into(), address)
    }

    pub async fn accept(&self, tcp: TcpStream) -> io::Result<Channel> {
        tcp.set_nodelay(true)?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(Arc::new(AnyKey(Arc::clone(&self.provider))))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(&self.key))));
        config.alpn_protocols = vec![CONTROL.to_vec(), LANE.to_vec()];
        config.send_tls13_tickets = 0;
        let address = tcp.peer_addr()?;
        channel(TlsAcceptor::from(Arc::new(config)).accept(tcp).await?.into(), address)
    }
}

fn channel(stream: TlsStream<TcpStream>, address: SocketAddr) -> io::Result<Channel> {
    let (_, connection) = stream.get_ref();
    let key_exchange = connection.negotiated_key_exchange_group().map(rustls::crypto::SupportedKxGroup::name);
    let alpn = connection.alpn_protocol().unwrap_or_default().to_vec();
    let peer_key = match connection.peer_certificates() {
        Some([key]) => key.to_vec(),
        _ => return Err(io::Error::other("no key shown")),
    };
    let label = sockeye_proto::pairing::EXPORTER_LABEL;
    let exporter = match &stream {
        TlsStream::Client(s) => s.get_ref().1.export_keying_material([0; 32], label, None),
        TlsStream::Server(s) => s.get_ref().1.export_keying_material([0; 32], label, None),
    };
    Ok(Channel {
        stream,
        exporter: exporter.map_err(io::Error::other)?,
        peer_key,
        alpn,
        address,
        key_exchange,
    })
}

#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl AnyKey {
    fn check(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(
            message,
            &key,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }
}

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::PeerIncompatible::Tls12NotOffered.into())
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
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::PeerIncompatible::Tls12NotOffered.into())
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
