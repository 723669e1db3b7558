//! What SNS serves to everybody: the certificates that it signs messages with, and the confirmation of subscriptions. Neither needs
//! credentials, so the SDK has no call for them; the connections are made as the SDK makes its own.

use std::{net::SocketAddr, str::FromStr, sync::OnceLock, time::Duration};

use bytes::Bytes;
use http::{StatusCode, Uri, uri::Scheme};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// The time for a whole request. SNS waits 15 s for an answer to the message that caused it, and the gateway 10 s.
const LIMIT: Duration = Duration::from_secs(3);
/// A certificate has 2 KB, an answer to a confirmation less than one.
const MAX_BYTES: usize = 16 << 10;

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Sends requests without credentials. The first one makes the client, so who sends none pays nothing.
#[derive(Debug, Default)]
pub struct SnsClient {
    http: OnceLock<HttpClient>,
    local: Option<LocalEndpoint>,
}

/// A stand-in for SNS on this machine. No other address can be given, so that nothing which is deployed trusts another host than SNS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalEndpoint(SocketAddr);

/// A text is no address on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not http:// and an address of this machine, such as http://127.0.0.1:4570")]
pub struct NotLocal;

/// SNS gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum SnsError {
    /// The address is none.
    #[error("the address of SNS is malformed")]
    Address(#[source] http::Error),
    /// The certificates of this machine cannot be read.
    #[error("reading the trusted certificates")]
    Roots(#[source] std::io::Error),
    /// It cannot be reached.
    #[error("reaching SNS")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    /// It answered something else than 200; a redirect is not followed.
    #[error("SNS answered {0}")]
    Status(StatusCode),
    /// The answer is longer than any.
    #[error("the answer of SNS is too long")]
    TooLong,
    /// The answer broke off.
    #[error("the answer of SNS broke off")]
    BrokeOff,
    /// There was no answer in time.
    #[error("SNS did not answer within {} s", LIMIT.as_secs())]
    Timeout,
}

impl FromStr for LocalEndpoint {
    type Err = NotLocal;

    fn from_str(url: &str) -> Result<Self, NotLocal> {
        let address = url.strip_prefix("http://").ok_or(NotLocal)?;
        let address: SocketAddr = address.parse().map_err(|_| NotLocal)?;
        let is_local = address.ip().is_loopback();
        is_local.then_some(Self(address)).ok_or(NotLocal)
    }
}

impl SnsClient {
    /// A client of SNS, or of its stand-in.
    pub fn new(local: Option<LocalEndpoint>) -> Self {
        Self {
            http: OnceLock::new(),
            local,
        }
    }

    /// The body of a successful answer, of 16 KiB at most, within 3 s. The caller answers for the host of the address.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, url: &str) -> Result<Bytes, SnsError> {
        let exchange = async {
            let uri = self.place(url).map_err(SnsError::Address)?;
            let response = self.http()?.get(uri).await.map_err(SnsError::Unreachable)?;
            if response.status() != StatusCode::OK {
                return Err(SnsError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), MAX_BYTES)
                .collect()
                .await;
            body.map(http_body_util::Collected::to_bytes)
                .map_err(|error| {
                    if error.is::<LengthLimitError>() {
                        SnsError::TooLong
                    } else {
                        SnsError::BrokeOff
                    }
                })
        };
        let answer = tokio::time::timeout(LIMIT, exchange).await;
        answer.unwrap_or(Err(SnsError::Timeout))
    }

    /// Where a request for this address goes.
    fn place(&self, url: &str) -> Result<Uri, http::Error> {
        let uri: Uri = url.parse()?;
        let Some(LocalEndpoint(address)) = self.local else {
            return Ok(uri);
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(address.to_string())
            .path_and_query(path)
            .build()
    }

    fn http(&self) -> Result<&HttpClient, SnsError> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map_err(SnsError::Roots)?;
        let connector = match self.local {
            None => connector.https_only(),
            Some(_) => connector.https_or_http(),
        };
        let connector = connector.enable_http1().build();
        // A frozen function keeps no connection, and a second request is a day away.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(self.http.get_or_init(|| client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_in_is_on_this_machine_and_nowhere_else() {
        for local in ["http://127.0.0.1:4570", "http://[::1]:1"] {
            assert!(local.parse::<LocalEndpoint>().is_ok(), "{local}");
        }
        for other in [
            "",
            "127.0.0.1:1",
            "https://127.0.0.1:1",
            "http://127.0.0.1",
            "http://127.0.0.1:1/",
            "http://0.0.0.0:1",
            "http://169.254.169.254:80",
            "http://10.0.0.1:80",
            "http://localhost:1",
            "http://sns.us-east-1.amazonaws.com",
        ] {
            assert_eq!(other.parse::<LocalEndpoint>(), Err(NotLocal), "{other}");
        }
    }

    #[test]
    fn only_the_stand_in_is_reached_without_tls() {
        let url = "https://sns.us-east-1.amazonaws.com/a.pem?x=1";
        let deployed = SnsClient::default().place(url).unwrap();
        let local = SnsClient::new("http://127.0.0.1:9".parse().ok());

        assert_eq!(deployed.to_string(), url);
        assert_eq!(
            local.place(url).unwrap().to_string(),
            "http://127.0.0.1:9/a.pem?x=1"
        );
    }
}
