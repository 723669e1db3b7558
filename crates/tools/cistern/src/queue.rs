//! The queues of a stack.

use std::fmt;

use serde::Serialize;

/// A queue with a dead-letter queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Queue {
    /// Notifications of email batches, for the loader
    Load,
    /// Batches of app events, for the forwarder
    Forward,
    /// Notifications of raw objects, for the archiver
    Archive,
}

impl Queue {
    pub(crate) const ALL: [Self; 3] = [Self::Load, Self::Forward, Self::Archive];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Forward => "forward",
            Self::Archive => "archive",
        }
    }

    /// The template's output with its URL.
    pub(crate) const fn output(self) -> &'static str {
        match self {
            Self::Load => "LoadQueueUrl",
            Self::Forward => "ForwardQueueUrl",
            Self::Archive => "ArchiveQueueUrl",
        }
    }

    /// The template's output with the URL of its dead-letter queue.
    pub(crate) const fn dead_letter_output(self) -> &'static str {
        match self {
            Self::Load => "LoadDeadLetterQueueUrl",
            Self::Forward => "ForwardDeadLetterQueueUrl",
            Self::Archive => "ArchiveDeadLetterQueueUrl",
        }
    }

    /// The function that works on it.
    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::Load => "loader",
            Self::Forward => "forwarder",
            Self::Archive => "archiver",
        }
    }

    /// Every queue and dead-letter queue: the name in `stack.json`, such as `load_dlq`, and the template's output with the URL.
    pub(crate) fn outputs() -> impl Iterator<Item = (String, &'static str)> {
        Self::ALL.into_iter().flat_map(|queue| {
            let name = queue.name();
            [
                (name.to_owned(), queue.output()),
                (format!("{name}_dlq"), queue.dead_letter_output()),
            ]
        })
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} queue", self.name())
    }
}
