//! What can fail, and how.

use std::fmt;

/// A kind of call that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Site {
    /// A sender posts a batch.
    Gateway,
    /// S3: a raw object is stored.
    StoreRaw,
    /// S3: a raw object is read.
    ReadRaw,
    /// S3: a file of the lake is written.
    WriteLake,
    /// S3: a file of the lake is read.
    ReadLake,
    /// S3: the compactor's or the forwarder's state is read or written.
    State,
    /// S3: objects are listed.
    List,
    /// S3: objects are deleted.
    DeleteObjects,
    /// SQS: messages are received.
    Receive,
    /// SQS: messages are deleted.
    DeleteMessages,
    /// SQS: messages are released, or their visibility timeout changes.
    Visibility,
    /// Firehose: records are put.
    PutRecords,
    /// Postgres: a connection is opened.
    Connect,
    /// Postgres: rows are copied within a transaction.
    Copy,
    /// Postgres: a transaction is committed.
    Commit,
    /// The destination of app events.
    Destination,
}

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// The connection is closed before anything is read.
    Refuse,
    /// The connection is closed when half of the request has passed.
    CutRequest,
    /// The call takes effect; then the connection is closed without a response.
    LoseResponse,
    /// The call takes effect; then the connection is closed after half of the response.
    TruncateResponse,
    /// The call takes effect; the response says 500.
    FailAfterEffect,
    /// The call has no effect; the response says 500.
    InternalError,
    /// The call has no effect; the response says that the service is too busy, as the service says it.
    Throttle,
    /// Half of the call's entries take effect; the response says so.
    HalfOfEntries,
    /// The call takes effect some seconds later.
    Delay,
}

impl Site {
    /// Every kind of call.
    pub(crate) const ALL: [Self; 16] = [
        Self::Gateway,
        Self::StoreRaw,
        Self::ReadRaw,
        Self::WriteLake,
        Self::ReadLake,
        Self::State,
        Self::List,
        Self::DeleteObjects,
        Self::Receive,
        Self::DeleteMessages,
        Self::Visibility,
        Self::PutRecords,
        Self::Connect,
        Self::Copy,
        Self::Commit,
        Self::Destination,
    ];

    /// How often it is chosen, in comparison with the others: more often where an event could be lost.
    pub(super) const fn weight(self) -> usize {
        match self {
            Self::StoreRaw | Self::PutRecords | Self::Commit => 4,
            Self::Gateway | Self::ReadRaw | Self::DeleteMessages | Self::Destination => 3,
            Self::WriteLake | Self::Copy | Self::Receive | Self::State => 2,
            Self::ReadLake
            | Self::List
            | Self::DeleteObjects
            | Self::Visibility
            | Self::Connect => 1,
        }
    }

    /// The ways in which it fails.
    pub(crate) const fn faults(self) -> &'static [Fault] {
        match self {
            Self::Connect => &[Fault::Refuse, Fault::Delay],
            Self::Copy => &[Fault::CutRequest, Fault::Delay],
            Self::Commit => &[Fault::CutRequest, Fault::LoseResponse, Fault::Delay],
            // Both services answer a batch of entries with a result for each.
            Self::PutRecords | Self::DeleteMessages => &[
                Fault::Refuse,
                Fault::CutRequest,
                Fault::LoseResponse,
                Fault::TruncateResponse,
                Fault::FailAfterEffect,
                Fault::InternalError,
                Fault::Throttle,
                Fault::HalfOfEntries,
                Fault::Delay,
            ],
            Self::Gateway
            | Self::StoreRaw
            | Self::ReadRaw
            | Self::WriteLake
            | Self::ReadLake
            | Self::State
            | Self::List
            | Self::DeleteObjects
            | Self::Receive
            | Self::Visibility
            | Self::Destination => &[
                Fault::Refuse,
                Fault::CutRequest,
                Fault::LoseResponse,
                Fault::TruncateResponse,
                Fault::FailAfterEffect,
                Fault::InternalError,
                Fault::Throttle,
                Fault::Delay,
            ],
        }
    }

    /// The service that is called: the first word of [`Self::as_str`].
    pub(crate) fn service(self) -> &'static str {
        self.as_str().split(' ').next().unwrap_or_default()
    }

    /// The name in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::StoreRaw => "s3 put raw",
            Self::ReadRaw => "s3 get raw",
            Self::WriteLake => "s3 put lake",
            Self::ReadLake => "s3 get lake",
            Self::State => "s3 state",
            Self::List => "s3 list",
            Self::DeleteObjects => "s3 delete",
            Self::Receive => "sqs receive",
            Self::DeleteMessages => "sqs delete",
            Self::Visibility => "sqs visibility",
            Self::PutRecords => "firehose put",
            Self::Connect => "postgres connect",
            Self::Copy => "postgres copy",
            Self::Commit => "postgres commit",
            Self::Destination => "destination",
        }
    }
}

impl Fault {
    /// The name in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refused",
            Self::CutRequest => "request interrupted",
            Self::LoseResponse => "response lost",
            Self::TruncateResponse => "response truncated",
            Self::FailAfterEffect => "500 after effect",
            Self::InternalError => "500",
            Self::Throttle => "throttled",
            Self::HalfOfEntries => "half of the entries",
            Self::Delay => "delayed",
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
