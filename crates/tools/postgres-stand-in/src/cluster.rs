//! A Postgres for one test.

use std::{
    fs::{self, File, Permissions},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::geteuid;
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::wire;

/// The user and the group `nobody`: Postgres does not run as root.
const NOBODY: u32 = 65_534;
const START_LIMIT: Duration = Duration::from_mins(1);

/// How clients log in to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logins {
    /// It requires passwords.
    ByPassword,
    /// It trusts every user name.
    Trusted,
    /// It requires passwords, and refuses members of `rds_iam`, because nothing here checks a token.
    /// `cistern_master`, who creates such members, is not one of them.
    AsOnRds,
}

impl Logins {
    /// The rules; the first that matches applies.
    fn rules(self) -> &'static str {
        match self {
            Self::ByPassword => "host all all 127.0.0.1/32 scram-sha-256\n",
            Self::Trusted => "host all all 127.0.0.1/32 trust\n",
            Self::AsOnRds => {
                "host all postgres 127.0.0.1/32 trust\n\
                 host all cistern_master 127.0.0.1/32 scram-sha-256\n\
                 host all +rds_iam 127.0.0.1/32 reject\n\
                 host all all 127.0.0.1/32 scram-sha-256\n"
            }
        }
    }
}

/// A running server with a superuser `postgres`, whose password is `postgres`. Dropping the value stops it.
#[derive(Debug)]
pub struct Cluster {
    port: u16,
    server: Child,
    // Last, so that the server has ended before its files are removed.
    folder: TempDir,
}

impl Cluster {
    /// Creates and starts a server with the programs in a folder: the value of `BINDIR` in `pg_config`.
    ///
    /// # Errors
    /// When there are no such programs, or the server does not start.
    pub async fn start(bin: &Path, logins: Logins) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        give(folder.path())?;
        let data = folder.path().join("data");
        let password = write(folder.path(), "password", "postgres")?;
        let made = program(bin, "initdb")
            .arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(&password)
            .args([
                "--username",
                "postgres",
                "--auth",
                "scram-sha-256",
                "--encoding",
                "UTF8",
            ])
            .args(["--locale", "C", "--no-sync", "--no-instructions"])
            .output()
            .await
            .context("starting initdb")?;
        ensure!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );

        fs::write(data.join("pg_hba.conf"), logins.rules())?;

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = folder.path().join("log");
        let mut command = program(bin, "postgres");
        command.arg("-D").arg(&data);
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            format!("port={port}"),
            "fsync=off".to_owned(),
        ] {
            command.args(["-c", &setting]);
        }
        let server = command
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .kill_on_drop(true)
            .spawn()
            .context("starting postgres")?;
        let mut cluster = Self {
            port,
            server,
            folder,
        };
        cluster.wait_until_ready(&log).await?;
        Ok(cluster)
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL for a user with a password, and a database.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{user}:{password}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Changes how clients log in, as soon as the server reads its configuration again: `select pg_reload_conf()`.
    ///
    /// # Errors
    /// When the server's files are missing.
    pub fn set_logins(&self, logins: Logins) -> Result<()> {
        let rules = self.folder.path().join("data/pg_hba.conf");
        fs::write(rules, logins.rules()).context("writing pg_hba.conf")
    }

    async fn wait_until_ready(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)).await
                && wire::takes_logins(&mut stream).await
            {
                return Ok(());
            }
            let has_ended = self.server.try_wait()?.is_some();
            ensure!(
                !has_ended && Instant::now() < deadline,
                "postgres does not start: {}",
                fs::read_to_string(log).unwrap_or_default()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A program of Postgres, to be run as a user other than root who can still reach it.
fn program(bin: &Path, name: &str) -> Command {
    let program = bin.join(name);
    if !geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")])
        .arg("--clear-groups")
        .args(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"])
        .arg("--securebits=+no_setuid_fixup")
        .arg(program)
        .current_dir("/");
    command
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    give(&path)?;
    Ok(path)
}

fn give(path: &Path) -> Result<()> {
    if geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY))?;
    }
    Ok(())
}
