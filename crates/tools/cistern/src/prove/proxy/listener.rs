//! Accepts the connections of a proxy.

use std::{io, net::SocketAddr};

use anyhow::{Context as _, Result};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A running listener on 127.0.0.1. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    /// Serves each connection in a task of its own.
    pub(super) async fn start<F>(
        serve: impl Fn(TcpStream, SocketAddr) -> F + Send + 'static,
    ) -> Result<Self>
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("listening for a proxy")?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((client, peer)) = listener.accept().await {
                let served = serve(client, peer);
                // A connection that ends early is what a proxy is for.
                tokio::spawn(async move { served.await.unwrap_or_default() });
            }
        });
        Ok(Self { address, task })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
