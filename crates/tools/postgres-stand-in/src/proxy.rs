//! Proxies and servers in front of a Postgres.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use crate::{
    behaviour::Behaviour,
    wire::{self, Message, Startup},
};

/// Start-up parameters that `PgBouncer` supports, in addition to user and database.
const FOLLOWED_BY_PGBOUNCER: [&str; 7] = [
    "user",
    "database",
    "application_name",
    "client_encoding",
    "datestyle",
    "standard_conforming_strings",
    "timezone",
];

/// A listener that passes clients on to a server, or refuses them. Dropping the value stops it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    logins: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

struct Inner {
    behaviour: Behaviour,
    tls: Option<TlsAcceptor>,
    server: SocketAddr,
    logins: Arc<AtomicUsize>,
    /// The connection that clients share in transaction mode, once the first has logged in.
    shared: Mutex<Option<TcpStream>>,
}

impl Proxy {
    /// Starts in front of the server at a port of this machine.
    ///
    /// # Errors
    /// When it cannot listen at a port.
    pub async fn before(server_port: u16, behaviour: Behaviour) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let logins = Arc::<AtomicUsize>::default();
        let inner = Arc::new(Inner {
            tls: acceptor(&behaviour)?,
            behaviour,
            server: SocketAddr::from(([127, 0, 0, 1], server_port)),
            logins: Arc::clone(&logins),
            shared: Mutex::default(),
        });
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let inner = Arc::clone(&inner);
                // A client that disconnects is not an error.
                tokio::spawn(async move { inner.serve(client).await.unwrap_or_default() });
            }
        });
        Ok(Self {
            address,
            logins,
            task,
        })
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many logins were tried.
    pub fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        if let Some(tls) = &self.tls {
            if !wire::agrees_on_tls(&mut client).await? {
                return Ok(());
            }
            let mut client = tls.accept(client).await?;
            let mut server = TcpStream::connect(self.server).await?;
            copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        }
        let startup = wire::read_startup(&mut client).await?;
        let earlier = self.logins.fetch_add(1, Ordering::SeqCst);
        if let Some(refusal) = self.refusal(&startup, earlier) {
            return client.write_all(&refusal).await;
        }
        if matches!(self.behaviour, Behaviour::TransactionPooler) {
            return self.lend(client, &startup).await;
        }
        let mut server = TcpStream::connect(self.server).await?;
        server.write_all(&startup.bytes).await?;
        if let Behaviour::Failing { text, sqlstate } = self.behaviour {
            return fail_some(client, server, text, sqlstate).await;
        }
        copy_bidirectional(&mut client, &mut server).await?;
        Ok(())
    }

    fn refusal(&self, startup: &Startup, earlier: usize) -> Option<Vec<u8>> {
        let mut names = startup.names.iter();
        match self.behaviour {
            Behaviour::Tls { .. } | Behaviour::Failing { .. } => None,
            Behaviour::RdsProxy => names.any(|name| name == "options").then(|| {
                let text = "Feature not supported: RDS Proxy currently doesn't support command-line options.";
                wire::fatal("0A000", text)
            }),
            Behaviour::SessionPooler | Behaviour::TransactionPooler => {
                let unknown = names.find(|name| {
                    !FOLLOWED_BY_PGBOUNCER.contains(&name.to_ascii_lowercase().as_str())
                })?;
                let text = format!("unsupported startup parameter: {unknown}");
                Some(wire::fatal("08P01", &text))
            }
            Behaviour::Refusing { logins, sqlstate } => {
                (earlier < logins).then(|| wire::fatal(sqlstate, "refused by the stand-in"))
            }
        }
    }

    /// Gives the shared connection to a client, for one transaction at a time.
    async fn lend(&self, mut client: TcpStream, startup: &Startup) -> io::Result<()> {
        let mut shared = self.shared.lock().await;
        if shared.is_none() {
            *shared = Some(self.log_in(&mut client, startup).await?);
        } else {
            client.write_all(&wire::welcome()).await?;
        }
        drop(shared);
        loop {
            let mut message = wire::read_message(&mut client).await?;
            if message.kind == b'X' {
                return Ok(());
            }
            let mut shared = self.shared.lock().await;
            let Some(server) = shared.as_mut() else {
                return Ok(());
            };
            loop {
                server.write_all(&message.bytes).await?;
                if expects_answer(&message) && answer(server, &mut client).await? {
                    break;
                }
                message = wire::read_message(&mut client).await?;
            }
        }
    }

    /// Lets the first client log in to the server; later clients share that login.
    async fn log_in(&self, client: &mut TcpStream, startup: &Startup) -> io::Result<TcpStream> {
        let mut server = TcpStream::connect(self.server).await?;
        server.write_all(&startup.bytes).await?;
        loop {
            let message = wire::read_message(&mut server).await?;
            client.write_all(&message.bytes).await?;
            if message.ends_transaction() {
                return Ok(server);
            }
            // Requests a password: anything except AuthenticationOk and SCRAM's final message.
            let asks = message.kind == b'R' && !matches!(message.bytes.get(8), Some(0 | 12));
            if asks {
                let password = wire::read_message(client).await?;
                server.write_all(&password.bytes).await?;
            }
        }
    }
}

/// Passes messages on, except statements that contain a text.
async fn fail_some(
    client: TcpStream,
    server: TcpStream,
    text: &str,
    sqlstate: &str,
) -> io::Result<()> {
    let (mut from_client, to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let to_client = Mutex::new(to_client);
    let answers = async {
        loop {
            let message = wire::read_message(&mut from_server).await?;
            to_client.lock().await.write_all(&message.bytes).await?;
        }
    };
    let requests = async {
        loop {
            let message = wire::read_message(&mut from_client).await?;
            if !message.is_statement_with(text) {
                to_server.write_all(&message.bytes).await?;
                continue;
            }
            // Like a server, it skips everything before the next Sync.
            let mut latest = message.kind;
            while latest == b'P' || !matches!(latest, b'Q' | b'S') {
                latest = wire::read_message(&mut from_client).await?.kind;
            }
            let mut answer = wire::error(sqlstate, "refused by the stand-in");
            answer.extend(wire::ready());
            to_client.lock().await.write_all(&answer).await?;
        }
    };
    tokio::select! {
        ended = answers => ended,
        ended = requests => ended,
    }
}

fn acceptor(behaviour: &Behaviour) -> Result<Option<TlsAcceptor>> {
    let Behaviour::Tls { certificate, key } = behaviour else {
        return Ok(None);
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes())?],
            PrivateKeyDer::from_pem_slice(key.as_bytes())?,
        )?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

/// Whether the server responds before the client sends more: after a simple query, a Sync, the end of copied rows.
fn expects_answer(message: &Message) -> bool {
    matches!(message.kind, b'Q' | b'S' | b'c' | b'f')
}

/// Passes on what the server sends until it is ready; true if it is then in no transaction.
async fn answer(server: &mut TcpStream, client: &mut TcpStream) -> io::Result<bool> {
    loop {
        let message = wire::read_message(server).await?;
        client.write_all(&message.bytes).await?;
        // Ready, or ready to receive copied rows.
        if message.kind == b'Z' {
            return Ok(message.ends_transaction());
        }
        if message.kind == b'G' {
            return Ok(false);
        }
    }
}
