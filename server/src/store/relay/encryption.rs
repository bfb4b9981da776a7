//! From what the URL asks for to what rustls does: authorities, checks of a certificate, and our
//! own certificate. Files are read here, once.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::store::error::Error;
use crate::store::postgres_url::{Check, Identity, Roots, Tls};

/// The name of PostgreSQL's protocol inside TLS. A server that knows it refuses a connection that
/// was meant for another service.
const PROTOCOL: &[u8] = b"postgresql";

pub(super) fn config(tls: &Tls) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| refusal("no version of TLS is left to speak"))?;
    let without_name = |authorities| {
        Arc::new(WithoutName {
            authorities,
            provider: Arc::clone(&provider),
        })
    };
    let builder = match &tls.check {
        Check::Full(roots) => builder.with_root_certificates(authorities(roots)?),
        Check::Authority(file) => builder
            .dangerous()
            .with_custom_certificate_verifier(without_name(Some(read_authorities(file)?))),
        Check::Nothing => builder
            .dangerous()
            .with_custom_certificate_verifier(without_name(None)),
    };
    let mut config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (certificates, key) = read_identity(identity)?;
            builder
                .with_client_auth_cert(certificates, key)
                .map_err(|_| refusal("the key in sslkey does not belong to sslcert"))?
        }
    };
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// What `verify-ca` and `require` do: the server must hold the key of its certificate; who issued
/// it is asked where there are authorities; for which name, never.
#[derive(Debug)]
struct WithoutName {
    authorities: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for WithoutName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(authorities) = &self.authorities {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(end_entity)?,
                authorities,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn authorities(roots: &Roots) -> Result<RootCertStore, Error> {
    match roots {
        Roots::File(file) => read_authorities(file),
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            let mut store = RootCertStore::empty();
            // A store of a hundred authorities has some that are past understanding.
            let (taken, _) = store.add_parsable_certificates(found.certs);
            if taken == 0 {
                return Err(refusal(
                    "this machine trusts no authority; install its store (ca-certificates), or name a file as sslrootcert",
                ));
            }
            Ok(store)
        }
    }
}

fn read_authorities(file: &Path) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    for certificate in read_certificates("sslrootcert", file)? {
        store
            .add(certificate)
            .map_err(|_| refusal("a certificate in sslrootcert cannot be an authority"))?;
    }
    Ok(store)
}

fn read_identity(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
    let certificates = read_certificates("sslcert", &identity.certificate)?;
    let open_to_all = std::fs::metadata(&identity.key)
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0);
    if open_to_all {
        return Err(refusal(
            "everybody on this machine may use the key in sslkey; chmod it to 600 or 640",
        ));
    }
    let key = PrivateKeyDer::from_pem_file(&identity.key)
        .map_err(|_| refusal("sslkey cannot be read as PEM with an unencrypted key"))?;
    Ok((certificates, key))
}

fn read_certificates(parameter: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|_| refusal(&format!("{parameter} cannot be read as PEM")))?;
    if certificates.is_empty() {
        return Err(refusal(&format!("{parameter} has no certificate in it")));
    }
    Ok(certificates)
}

fn refusal(text: &str) -> Error {
    Error::Unavailable(format!("TLS to the database: {text}"))
}
