//! Ports: the given ones, those of the last start, or any free ones.

use std::{fs, net::TcpListener};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::stack::data_dir::DataDir;

/// The ports of a stack, kept in `ports.json`: copied URLs remain valid, and the names of the
/// emulator's stored queues contain its port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ports {
    /// All routes; 0 until chosen, as for the others.
    pub(crate) reverse_proxy: u16,
    pub(crate) postgres: u16,
    pub(crate) emulator: u16,
    /// The stand-in for Iterable.
    pub(crate) iterable: u16,
    /// What answers the console's queries of the lake.
    pub(crate) athena: u16,
    /// The stand-in for SNS.
    pub(crate) sns: u16,
}

impl Ports {
    /// The previous ports; all 0 if there are none.
    pub(crate) fn of_last_time(data_dir: &DataDir) -> Self {
        fs::read(data_dir.ports_json())
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    /// Stores the ports for the next start.
    pub(crate) fn keep(self, data_dir: &DataDir) -> Result<()> {
        let path = data_dir.ports_json();
        fs::write(&path, serde_json::to_vec_pretty(&self)?)
            .with_context(|| format!("writing {}", path.display()))
    }
}

/// A port that was free a moment ago: the previous one if it is still free.
pub(crate) fn free(last_time: u16) -> Result<u16> {
    Ok(listen(last_time)?.local_addr()?.port())
}

/// Listens on the previous port, or on any if that is in use.
pub(crate) fn listen(last_time: u16) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", last_time))
        .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
        .context("finding a free port")
}

/// The place of a service of this process: it listens, so that its URL is known, but does not respond yet.
#[derive(Debug)]
pub(super) struct Listening {
    listener: TcpListener,
    port: u16,
}

impl Listening {
    /// Listens as [`listen`] does.
    pub(super) fn on(last_time: u16) -> Result<Self> {
        let listener = listen(last_time)?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The listener for a server.
    pub(super) fn into_async(self) -> std::io::Result<tokio::net::TcpListener> {
        self.listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(self.listener)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_times_port_is_taken_again_unless_somebody_else_has_it() {
        let somebody = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = somebody.local_addr().unwrap().port();

        assert_ne!(free(port).unwrap(), port);
        drop(somebody);
        assert_eq!(free(port).unwrap(), port);
    }

    #[test]
    fn ports_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::resolve(Some(folder.path())).unwrap();
        let ports = Ports {
            reverse_proxy: 1,
            postgres: 2,
            emulator: 3,
            iterable: 4,
            athena: 5,
            sns: 6,
        };

        assert_eq!(Ports::of_last_time(&data_dir), Ports::default());
        ports.keep(&data_dir).unwrap();

        assert_eq!(Ports::of_last_time(&data_dir), ports);
    }
}
