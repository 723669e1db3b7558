//! A proxy before Postgres that refuses connections and interrupts transactions.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    super::{
        caller::Callers,
        plan::{Fault, Moment, Site},
    },
    Faults, Strike,
    listener::Listener,
};

const BUFFER_BYTES: usize = 64 << 10;
/// Longer than a commit takes.
const LIMIT: Duration = Duration::from_secs(30);

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct PostgresProxy(Listener);

#[derive(Debug)]
struct Inner {
    server: String,
    faults: Arc<Faults>,
    callers: Arc<Callers>,
}

impl PostgresProxy {
    /// Starts a proxy before `server`, a host and a port.
    pub(crate) async fn start(
        server: String,
        faults: Arc<Faults>,
        callers: Arc<Callers>,
    ) -> Result<Self> {
        let inner = Arc::new(Inner {
            server,
            faults,
            callers,
        });
        let listener = Listener::start(move |client, peer| {
            let inner = Arc::clone(&inner);
            async move { inner.serve(client, peer).await }
        })
        .await?;
        Ok(Self(listener))
    }

    /// Where it listens, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.0.address().port()
    }
}

impl Inner {
    async fn serve(&self, client: TcpStream, peer: SocketAddr) -> io::Result<()> {
        match self.faults.strike(Site::Connect) {
            Some(Strike::Fault(Fault::Delay)) => sleep(self.faults.delay()).await,
            Some(_) => return Ok(()),
            None => {}
        }
        let server = TcpStream::connect(&self.server).await?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let responses = Responses::default();
        tokio::select! {
            ended = self.pass_requests(from_client, to_server, &responses, peer) => ended,
            ended = responses.pass(from_server, to_client) => ended,
        }
    }

    async fn pass_requests(
        &self,
        mut from_client: OwnedReadHalf,
        mut to_server: OwnedWriteHalf,
        responses: &Responses,
        peer: SocketAddr,
    ) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut is_interrupted = false;
        loop {
            let length = from_client.read(&mut buffer).await?;
            let Some(chunk) = buffer.get(..length).filter(|chunk| !chunk.is_empty()) else {
                return Ok(());
            };
            if is_interrupted {
                // Half of the rows; their transaction ends with the connection.
                let half = chunk.get(..length / 2).unwrap_or_default();
                return to_server.write_all(half).await;
            }
            let site = site_of(chunk);
            match site.and_then(|site| self.faults.strike(site)) {
                None => {}
                Some(Strike::Fault(Fault::Delay)) => sleep(self.faults.delay()).await,
                Some(Strike::Fault(Fault::CutRequest)) if site == Some(Site::Copy) => {
                    is_interrupted = true;
                }
                Some(Strike::Fault(Fault::CutRequest)) => return Ok(()),
                Some(Strike::Fault(_)) => return responses.lose(&mut to_server, chunk).await,
                Some(Strike::Kill(moment)) => {
                    if moment == Moment::AfterEffect {
                        responses.lose(&mut to_server, chunk).await?;
                    }
                    self.callers.kill(peer).await;
                    return Ok(());
                }
            }
            to_server.write_all(chunk).await?;
        }
    }
}

/// The server's responses, which pass until one has to be lost.
#[derive(Debug, Default)]
struct Responses {
    is_lost: AtomicBool,
    has_arrived: Notify,
}

impl Responses {
    async fn pass(
        &self,
        mut from_server: OwnedReadHalf,
        mut to_client: OwnedWriteHalf,
    ) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let length = from_server.read(&mut buffer).await?;
            let Some(chunk) = buffer.get(..length).filter(|chunk| !chunk.is_empty()) else {
                return Ok(());
            };
            if self.is_lost.load(Ordering::SeqCst) {
                self.has_arrived.notify_one();
            } else {
                to_client.write_all(chunk).await?;
            }
        }
    }

    /// Passes on a statement, and waits for the response, which the client never gets.
    async fn lose(&self, to_server: &mut OwnedWriteHalf, statement: &[u8]) -> io::Result<()> {
        self.is_lost.store(true, Ordering::SeqCst);
        to_server.write_all(statement).await?;
        timeout(LIMIT, self.has_arrived.notified()).await?;
        Ok(())
    }
}

/// What a message of the client begins; statements are sent one by one, as simple queries.
fn site_of(chunk: &[u8]) -> Option<Site> {
    if chunk.first() != Some(&b'Q') {
        return None;
    }
    let text = chunk.get(5..)?;
    if text.starts_with(b"COMMIT") {
        Some(Site::Commit)
    } else if text.starts_with(b"copy ") {
        Some(Site::Copy)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
