//! The process that makes a call, found by its connection, and its end.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Mutex, PoisonError},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// The functions' processes: the children of the emulator. Nothing else is ever killed.
#[derive(Debug)]
pub(super) struct Callers {
    emulator: Option<i32>,
    kills: Mutex<BTreeMap<String, u64>>,
}

/// A process of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FunctionProcess {
    pid: i32,
    /// The deployed name.
    function: String,
}

impl Callers {
    /// The functions that the emulator with this process id runs.
    pub(super) fn of(emulator: Option<i32>) -> Self {
        Self {
            emulator,
            kills: Mutex::default(),
        }
    }

    /// Kills the process at the other end of a connection, if it is a function.
    pub(super) async fn kill(&self, peer: SocketAddr) {
        let processes = self.processes();
        let found = tokio::task::spawn_blocking(move || {
            let inode = socket_inode(peer)?;
            let link = format!("socket:[{inode}]");
            processes
                .into_iter()
                .find(|process| has_open(process.pid, &link))
        });
        if let Ok(Some(process)) = found.await {
            self.end(&process);
        }
    }

    /// Kills all processes of a function, by its deployed name; returns how many.
    pub(super) fn kill_function(&self, name: &str) -> usize {
        let mut processes = self.processes();
        processes.retain(|process| process.function == name);
        processes.iter().filter(|process| self.end(process)).count()
    }

    /// The killed processes by deployed name.
    pub(super) fn kills(&self) -> BTreeMap<String, u64> {
        self.kills
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn end(&self, process: &FunctionProcess) -> bool {
        let is_killed = kill(Pid::from_raw(process.pid), Signal::SIGKILL).is_ok();
        if is_killed {
            let mut kills = self.kills.lock().unwrap_or_else(PoisonError::into_inner);
            *kills.entry(process.function.clone()).or_default() += 1;
        }
        is_killed
    }

    fn processes(&self) -> Vec<FunctionProcess> {
        let Some(emulator) = self.emulator else {
            return Vec::new();
        };
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        // A process may end while it is looked at.
        pids.filter_map(|pid: i32| {
            let folder = Path::new("/proc").join(pid.to_string());
            let status = fs::read_to_string(folder.join("status")).ok()?;
            if parent(&status)? != emulator {
                return None;
            }
            let environment = fs::read(folder.join("environ")).ok()?;
            let function = function_name(&environment)?;
            Some(FunctionProcess { pid, function })
        })
        .collect()
    }
}

fn parent(status: &str) -> Option<i32> {
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}

fn function_name(environment: &[u8]) -> Option<String> {
    let mut variables = environment.split(|byte| *byte == 0);
    let value =
        variables.find_map(|variable| variable.strip_prefix(b"AWS_LAMBDA_FUNCTION_NAME="))?;
    String::from_utf8(value.to_vec()).ok()
}

fn has_open(pid: i32, link: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    files
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .any(|target| target.as_os_str() == link)
}

/// The inode of the socket that is bound to `address`, by the kernel's table
/// (<https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html>).
fn socket_inode(address: SocketAddr) -> Option<u64> {
    inode_in(&fs::read_to_string("/proc/net/tcp").ok()?, address.port())
}

fn inode_in(table: &str, port: u16) -> Option<u64> {
    let ending = format!(":{port:04X}");
    let mut lines = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find_map(|columns| {
        let local = columns.get(1)?;
        if !local.ends_with(&ending) {
            return None;
        }
        columns.get(9)?.parse().ok().filter(|inode| *inode != 0)
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn process_at_the_other_end_of_a_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_server, peer) = listener.accept().unwrap();

        let inode = socket_inode(peer).unwrap();

        let own = i32::try_from(std::process::id()).unwrap();
        assert!(has_open(own, &format!("socket:[{inode}]")));
        assert!(!has_open(own, "socket:[0]"));
    }

    #[test]
    fn only_children_of_the_emulator_are_functions() {
        let own = i32::try_from(std::process::id()).unwrap();

        assert_eq!(Callers::of(None).processes(), []);
        // This process has children at most that are no functions.
        assert_eq!(Callers::of(Some(own)).processes(), []);
        assert_eq!(parent("Name:\tx\nPPid:\t12\n"), Some(12));
        let environment = b"A=b\0AWS_LAMBDA_FUNCTION_NAME=stack-Ingest\0";
        assert_eq!(function_name(environment).as_deref(), Some("stack-Ingest"));
        assert_eq!(function_name(b"A=b\0"), None);
    }

    #[test]
    fn table_of_sockets_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0\n";

        assert_eq!(inode_in(table, 8080), Some(4242));
        assert_eq!(inode_in(table, 8081), None);
    }
}
