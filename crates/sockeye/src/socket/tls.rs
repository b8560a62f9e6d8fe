//! TLS 1.2 and 1.3 over TCP, with certificates as the web has them (RFC 8446, RFC 5280). No other module here names a type of
//! the TLS library.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs::default_provider},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::{ParsedCertificate, WebPkiClientVerifier},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::{Connection, Error, TlsFacts, TlsFailure, connection::Io};
use crate::endpoint::{Endpoint, EndpointOptions, Host, Place};

/// A TLS connection over TCP.
pub(super) type Stream = TlsStream<TcpStream>;

/// What a listener needs to greet callers.
#[derive(Debug)]
pub(super) struct Acceptor {
    config: Arc<ServerConfig>,
    fingerprint: String,
    self_made: bool,
}

/// What is needed to greet a listener, read before anybody is called.
pub(super) struct Connector {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    peer: String,
}

impl Connector {
    /// With the certificates and the name that the endpoint wants.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let options = endpoint.options();
        let name = options.server_name.clone().unwrap_or_else(|| host_name(endpoint));
        let name = ServerName::try_from(name.clone()).map_err(|_| Error::ServerName { name })?;
        Ok(Self { config: Arc::new(client_config(options)?), name, peer: endpoint.place().to_string() })
    }

    /// Agrees on TLS over a connection that was dialled.
    pub(super) async fn connect(self, connection: Connection) -> Result<Connection, Error> {
        let (Io::Tcp(tcp), mut facts) = connection.into_parts() else {
            return Err(Error::Misuse { scheme: "tls", action: "speak TLS" });
        };
        let stream = TlsConnector::from(self.config).connect(self.name, tcp).await;
        let stream = stream.map_err(|error| Error::Tls { peer: self.peer, failure: failure_of(&error) })?;
        let stream = Stream::from(stream);
        facts.tls = Some(Box::new(facts_of(&stream)));
        Ok(Connection::new(Io::Tls(Box::new(stream)), facts))
    }
}

fn host_name(endpoint: &Endpoint) -> String {
    match endpoint.place() {
        Place::Inet { host: Host::Name(name), .. } => name.trim_end_matches('.').to_owned(),
        Place::Inet { host: Host::Address { address, .. }, .. } => address.to_string(),
        _ => "localhost".to_owned(),
    }
}

impl Acceptor {
    /// With the certificate that the endpoint names, or one made now.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let options = endpoint.options();
        let (chain, key, self_made) = match &options.certificate {
            Some(path) => {
                let (chain, key) = own_certificate(path, options)?;
                (chain, key, false)
            }
            None => self_signed(&host_name(endpoint))?,
        };
        let fingerprint = chain.first().map(fingerprint_of).unwrap_or_default();
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().map_err(other(endpoint))?;
        let builder = match &options.ca {
            Some(path) => {
                let roots = Arc::new(roots_of(Path::new(path))?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
                builder.with_client_cert_verifier(verifier.map_err(other(endpoint))?)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| not_a_pair(options, &error))?;
        config.alpn_protocols = options.alpn.iter().map(|name| name.clone().into_bytes()).collect();
        Ok(Self { config: Arc::new(config), fingerprint, self_made })
    }

    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(super) const fn is_self_made(&self) -> bool {
        self.self_made
    }

    /// Agrees on TLS over a connection that was accepted.
    pub(super) async fn accept(&self, connection: Connection) -> Result<Connection, Error> {
        let (Io::Tcp(tcp), mut facts) = connection.into_parts() else {
            return Err(Error::Misuse { scheme: "tls", action: "speak TLS" });
        };
        let peer = facts.peer.to_string();
        let stream = TlsAcceptor::from(Arc::clone(&self.config)).accept(tcp).await;
        let stream = stream.map_err(|error| Error::Tls { peer, failure: failure_of(&error) })?;
        let stream = Stream::from(stream);
        facts.tls = Some(Box::new(facts_of(&stream)));
        Ok(Connection::new(Io::Tls(Box::new(stream)), facts))
    }
}

fn other<E: std::fmt::Display>(endpoint: &Endpoint) -> impl Fn(E) -> Error {
    let peer = endpoint.place().to_string();
    move |error| Error::Tls { peer: peer.clone(), failure: TlsFailure::Other(error.to_string()) }
}

fn client_config(options: &EndpointOptions) -> Result<ClientConfig, Error> {
    let other = |error: rustls::Error| Error::Tls {
        peer: "the peer".to_owned(),
        failure: TlsFailure::Other(error.to_string()),
    };
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().map_err(other)?;
    let builder = match &options.ca {
        _ if options.insecure => {
            let algorithms = default_provider().signature_verification_algorithms;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(algorithms)))
        }
        Some(path) => {
            let verifier = Arc::new(NamedCertificates::of(Path::new(path))?);
            builder.dangerous().with_custom_certificate_verifier(verifier)
        }
        None => builder.with_root_certificates(system_roots()),
    };
    let mut config = match &options.certificate {
        Some(path) => {
            let (chain, key) = own_certificate(path, options)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| not_a_pair(options, &error))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = options.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

/// What this system trusts. Certificates that cannot be read are left out: what they would vouch for is then not trusted.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    roots
}

fn roots_of(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unusable(path, &error.to_string()))?;
    }
    Ok(roots)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The certificate that an option names, with its key.
fn own_certificate(path: &str, options: &EndpointOptions) -> Result<Identity, Error> {
    let key = options.key.as_deref().unwrap_or(path);
    Ok((certificates(Path::new(path))?, private_key(Path::new(key))?))
}

/// A certificate and a key that the TLS library does not take together.
fn not_a_pair(options: &EndpointOptions, error: &rustls::Error) -> Error {
    let certificate = options.certificate.as_deref().unwrap_or_default();
    let key = options.key.as_deref().unwrap_or(certificate);
    match error {
        rustls::Error::InconsistentKeys(_) if key == certificate => {
            unusable(Path::new(key), "the key in it is not that of its first certificate")
        }
        rustls::Error::InconsistentKeys(_) => {
            unusable(Path::new(key), &format!("it is not the key of the certificate in {certificate}"))
        }
        other => unusable(Path::new(certificate), &other.to_string()),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(path, "there is no certificate in it (PEM)")),
        Err(error) => Err(unusable(path, &error.to_string())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let text = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| unusable(path, "there is no private key in it (PEM); name its file with key="))
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::File {
        path: PathBuf::from(path),
        source: io::Error::new(io::ErrorKind::InvalidData, why.to_owned()),
    }
}

/// A certificate for this run, for the host listened on and this machine's usual names; it is self-made.
fn self_signed(host: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, bool), Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| Error::Tls {
        peer: host.to_owned(),
        failure: TlsFailure::Other(error.to_string()),
    })?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    Ok((vec![made.cert.der().clone()], key, true))
}

fn fingerprint_of(certificate: &CertificateDer<'_>) -> String {
    crate::escape::hex(digest(&SHA256, certificate.as_ref()).as_ref())
}

fn facts_of(stream: &Stream) -> TlsFacts {
    let (_, connection) = stream.get_ref();
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "unknown",
    };
    let cipher = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    TlsFacts {
        version: version.to_owned(),
        cipher: cipher.unwrap_or("unknown").to_owned(),
        alpn: connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        peer_fingerprint: connection.peer_certificates().and_then(|chain| chain.first()).map(fingerprint_of),
    }
}

/// Sorts what the TLS library says by what can be done about it.
fn failure_of(error: &io::Error) -> TlsFailure {
    use rustls::{CertificateError, Error as Tls, InvalidMessage};
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Tls>()) else {
        return TlsFailure::Ended(error.to_string());
    };
    match tls {
        Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => TlsFailure::OtherName(tls.to_string()),
        Tls::InvalidCertificate(_) if is_authority(tls) => {
            TlsFailure::Untrusted("it is that of an authority itself, CA:TRUE".to_owned())
        }
        Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented => TlsFailure::Untrusted(tls.to_string()),
        Tls::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) => TlsFailure::NotTls,
        Tls::AlertReceived(alert) => TlsFailure::Refused(format!("{alert:?}")),
        other => TlsFailure::Other(other.to_string()),
    }
}

/// Whether a certificate was refused for being an authority's (RFC 5280 §4.2.1.9). The library tells it by the error of another,
/// whose types are not at hand here.
fn is_authority(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) = error else {
        return false;
    };
    format!("{other:?}").contains("CaUsedAsEndEntity")
}

/// `ca`: certificates that those in a file vouch for, and those in the file themselves. The latter may be an authority's: many
/// that people make for one host are.
#[derive(Debug)]
struct NamedCertificates {
    named: Vec<CertificateDer<'static>>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl NamedCertificates {
    fn of(path: &Path) -> Result<Self, Error> {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots_of(path)?), provider());
        let verifier = builder.build().map_err(|error| unusable(path, &error.to_string()))?;
        Ok(Self { named: certificates(path)?, verifier })
    }
}

impl ServerCertVerifier for NamedCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // What is asked for before that is whether it is still good; what remains is its name.
            Err(error) if is_authority(&error) && self.named.iter().any(|named| named == end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// `insecure`: any certificate will do, but whoever shows it must have its key.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
