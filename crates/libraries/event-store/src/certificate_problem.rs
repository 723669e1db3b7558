//! The faults of certificates.

use std::error::Error;

use rustls::CertificateError;

/// The fault of a certificate, and the fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    /// It is not signed by a trusted authority.
    #[error(
        "its authority is not trusted; give the authority's certificate as DATABASE_CA, or sslmode=require in DATABASE_URL to encrypt without verifying"
    )]
    Untrusted,
    /// It is for another host.
    #[error(
        "it is not for the host of DATABASE_URL; give a name that it holds, or sslmode=verify-ca for any"
    )]
    OtherHost,
    /// It has expired, or is not valid yet.
    #[error("it is not valid at this time; renew it")]
    OutOfDate,
    /// Another fault.
    #[error(
        "it cannot be verified; renew it, or give sslmode=require in DATABASE_URL to encrypt without verifying"
    )]
    Unusable,
}

impl CertificateProblem {
    /// The certificate's fault behind a connection error, if there is one.
    pub(crate) fn behind(error: &sqlx::Error) -> Option<Self> {
        let inner: &(dyn Error + 'static) = match error {
            sqlx::Error::Io(error) => error.get_ref()?,
            sqlx::Error::Tls(error) => error.as_ref(),
            _ => return None,
        };
        let rustls::Error::InvalidCertificate(problem) = inner.downcast_ref()? else {
            return None;
        };
        Some(match problem {
            // Signed by another authority of the same name.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherHost
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::OutOfDate,
            _ => Self::Unusable,
        })
    }
}
