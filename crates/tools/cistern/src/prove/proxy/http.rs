//! A proxy for HTTP/1.1 that can fail at any point of a call. One request per connection: each response says `connection: close`.

mod message;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use aws_io::LOCAL_KEY;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use self::message::{Request, body_of, close_after, read_request, response};
use super::{
    super::{
        caller::Callers,
        plan::{Fault, Moment, Site},
    },
    Faults, Strike, aws,
    listener::Listener,
};

/// Longer than any call of a function or a sender takes.
const LIMIT: Duration = Duration::from_mins(2);

/// Which calls pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Calls {
    /// Those of AWS services, told apart by the request.
    Aws,
    /// All are of one kind.
    Of(Site),
}

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct HttpProxy {
    url: String,
    _listener: Listener,
}

#[derive(Debug)]
struct Inner {
    upstream: String,
    calls: Calls,
    faults: Arc<Faults>,
    callers: Arc<Callers>,
}

impl HttpProxy {
    /// Starts a proxy before `upstream_url`, an origin without a path.
    pub(crate) async fn start(
        upstream_url: &str,
        calls: Calls,
        faults: Arc<Faults>,
        callers: Arc<Callers>,
    ) -> Result<Self> {
        let upstream = upstream_url
            .strip_prefix("http://")
            .with_context(|| format!("{upstream_url} is not an http:// origin"))?
            .trim_end_matches('/')
            .to_owned();
        let inner = Arc::new(Inner {
            upstream,
            calls,
            faults,
            callers,
        });
        let listener = Listener::start(move |client, peer| {
            let inner = Arc::clone(&inner);
            async move { inner.serve(client, peer).await }
        })
        .await?;
        Ok(Self {
            url: format!("http://{}", listener.address()),
            _listener: listener,
        })
    }

    /// Its origin, without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Inner {
    async fn serve(&self, mut client: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let Some(request) = read_request(&mut client).await? else {
            return Ok(());
        };
        let site = self.site(&request);
        let strike = site.and_then(|site| Some((site, self.faults.strike(site)?)));
        let Some((site, strike)) = strike else {
            let answer = self.forward(&request.bytes).await?;
            return send(&mut client, &close_after(&answer)).await;
        };
        match strike {
            Strike::Fault(fault) => self.fail(&mut client, &request, site, fault).await,
            Strike::Kill(Moment::BeforeEffect) => {
                self.callers.kill(peer).await;
                Ok(())
            }
            Strike::Kill(Moment::AfterEffect) => {
                self.forward(&request.bytes).await?;
                self.callers.kill(peer).await;
                Ok(())
            }
        }
    }

    fn site(&self, request: &Request) -> Option<Site> {
        match self.calls {
            Calls::Of(site) => Some(site),
            Calls::Aws => aws::site(
                request.service()?,
                request.header("x-amz-target").unwrap_or_default(),
                &request.method,
                &request.path,
            ),
        }
    }

    async fn fail(
        &self,
        client: &mut TcpStream,
        request: &Request,
        site: Site,
        fault: Fault,
    ) -> io::Result<()> {
        match fault {
            Fault::Refuse => Ok(()),
            Fault::CutRequest => {
                let half = request
                    .bytes
                    .get(..request.bytes.len() / 2)
                    .unwrap_or_default();
                let mut upstream = TcpStream::connect(&self.upstream).await?;
                upstream.write_all(half).await
            }
            Fault::LoseResponse => self.forward(&request.bytes).await.map(drop),
            Fault::TruncateResponse => {
                let answer = close_after(&self.forward(&request.bytes).await?);
                send(client, answer.get(..answer.len() / 2).unwrap_or_default()).await
            }
            Fault::FailAfterEffect => {
                self.forward(&request.bytes).await?;
                send(client, &response(500, aws::internal_error(site))).await
            }
            Fault::InternalError => send(client, &response(500, aws::internal_error(site))).await,
            Fault::Throttle => {
                let (status, body) = aws::throttled(site);
                send(client, &response(status, body)).await
            }
            Fault::HalfOfEntries => {
                let answer = self.take_half(request, site).await?;
                send(client, &answer).await
            }
            Fault::Delay => {
                sleep(self.faults.delay()).await;
                let answer = self.forward(&request.bytes).await?;
                send(client, &close_after(&answer)).await
            }
        }
    }

    /// The whole response to a request.
    async fn forward(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let exchange = async {
            let mut upstream = TcpStream::connect(&self.upstream).await?;
            upstream.write_all(request).await?;
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer).await?;
            Ok(answer)
        };
        timeout(LIMIT, exchange).await?
    }

    /// Passes on the first half of a batch's entries, and reports the others as failed.
    async fn take_half(&self, request: &Request, site: Site) -> io::Result<Vec<u8>> {
        let mut body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let (entries, code) = match site {
            Site::PutRecords => ("Records", "ServiceUnavailableException"),
            _ => ("Entries", "InternalError"),
        };
        let refused = match body[entries].as_array_mut() {
            Some(all) => all.split_off(all.len() / 2),
            None => Vec::new(),
        };
        let mut answer = json!({});
        if body[entries]
            .as_array()
            .is_some_and(|kept| !kept.is_empty())
        {
            // Signed as the root: the function's signature is that of the whole.
            let kept = request.with_body(&body.to_string(), LOCAL_KEY);
            let taken = self.forward(&kept).await?;
            answer = serde_json::from_slice(&body_of(&taken)).unwrap_or_default();
        }
        if site == Site::PutRecords {
            answer["FailedPutCount"] = json!(refused.len());
            let mut results = answer["RequestResponses"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let failed = json!({"ErrorCode": code, "ErrorMessage": "Slow down."});
            results.extend(refused.iter().map(|_| failed.clone()));
            answer["RequestResponses"] = json!(results);
        } else {
            let failed: Vec<Value> = refused
                .iter()
                .map(|entry| json!({"Id": entry["Id"], "Code": code, "SenderFault": false}))
                .collect();
            answer["Failed"] = json!(failed);
        }
        Ok(response(200, &answer.to_string()))
    }
}

async fn send(client: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    client.write_all(bytes).await?;
    client.shutdown().await
}

#[cfg(test)]
mod tests;
