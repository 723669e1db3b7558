//! A process of a function: everything that it has in memory, and a way to end it at any await.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::dice::Dice;

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) dice: Mutex<Dice>,
    killed: Notify,
}

impl Process {
    pub(crate) fn new(name: impl Into<String>, dice: Dice) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            dice: Mutex::new(dice),
            killed: Notify::new(),
        })
    }

    /// Runs until `work` has ended or the process is killed. `None` is the latter; `work` is dropped where it waits.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.killed.notified() => None,
            done = work => Some(done),
        }
    }

    pub(crate) fn kill(&self) {
        self.killed.notify_one();
    }
}
