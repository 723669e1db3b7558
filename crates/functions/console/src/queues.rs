//! How many messages wait in the stack's queues, and how many were given up.

use std::{sync::OnceLock, time::Duration};

use aws_io::{
    Aws, SqsClient,
    queue::{self, Depth, QueueError},
};
use futures::future::join_all;
use tokio::time::timeout;
use tracing::warn;

/// The page does not wait longer for numbers that it can do without.
const WAIT_LIMIT: Duration = Duration::from_secs(3);

/// A queue whose messages a function processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueName {
    Load,
    Forward,
    Archive,
}

impl QueueName {
    /// What waits there, and the function that takes it.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Load => ("Batches to be loaded into Postgres", "loader"),
            Self::Forward => ("Batches of app events to be forwarded", "forwarder"),
            Self::Archive => ("Objects to be converted for the lake", "archiver"),
        }
    }
}

/// The queues of the stack. Their client is made when they are first looked at.
#[derive(Debug)]
pub(crate) struct Queues {
    aws: Aws,
    urls: QueueUrls,
    client: OnceLock<SqsClient>,
}

/// The addresses of those that the stack has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueUrls(Vec<(QueueName, String)>);

impl QueueUrls {
    /// Of the addresses that are known.
    pub(crate) fn new(urls: [(QueueName, Option<String>); 3]) -> Self {
        let known = urls
            .into_iter()
            .filter_map(|(name, url)| Some((name, url?)));
        Self(known.collect())
    }
}

/// One queue; none where it could not be counted in time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueueState {
    pub(crate) name: QueueName,
    pub(crate) depths: Option<Depths>,
}

/// The messages of a queue, and those in its dead-letter queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depths {
    pub(crate) own: Depth,
    pub(crate) dead: u64,
}

impl Queues {
    pub(crate) fn new(aws: Aws, urls: QueueUrls) -> Self {
        Self {
            aws,
            urls,
            client: OnceLock::new(),
        }
    }

    /// Counts all queues at once.
    pub(crate) async fn look(&self) -> Vec<QueueState> {
        let asked = self.urls.0.iter().map(async |(name, url)| QueueState {
            name: *name,
            depths: self.depths(url).await,
        });
        join_all(asked).await
    }

    async fn depths(&self, url: &str) -> Option<Depths> {
        let client = self.client.get_or_init(|| self.aws.sqs());
        match timeout(WAIT_LIMIT, depths(client, url)).await {
            Ok(Ok(depths)) => Some(depths),
            Ok(Err(error)) => {
                warn!(error = %function_kit::chain(&error), "queue not counted");
                None
            }
            Err(_) => {
                warn!("queue not counted in time");
                None
            }
        }
    }
}

async fn depths(client: &SqsClient, url: &str) -> Result<Depths, QueueError> {
    let dead = async {
        match queue::dead_letter_url(client, url).await? {
            Some(url) => Ok(queue::depth(client, &url).await?.total()),
            None => Ok(0),
        }
    };
    let (own, dead) = futures::try_join!(queue::depth(client, url), dead)?;
    Ok(Depths { own, dead })
}
