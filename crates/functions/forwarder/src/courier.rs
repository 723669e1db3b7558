//! Takes calls to the destination, until each is settled or the run is over.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use event_mapping::{
    Call, Operation,
    iterable::{JsonObject, User, UserUpdate},
};
use futures::{StreamExt, stream};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::{
    backoff::{Jitter, delay},
    decision::{Decision, Fate, decide},
    destination::Destination,
    flow::{Ended, Flow},
    packing::{Train, pack},
    report::RunEnd,
};
use event_mapping::RejectReason;

/// Requests on their way at once. The pace allows 8 a second, and an answer may take a second.
const CONCURRENT_TRAINS: usize = 8;

/// Sends calls within the pace and the time of a run.
#[derive(Debug)]
pub(crate) struct Courier<'a> {
    destination: &'a dyn Destination,
    flow: &'a Flow,
    request_timeout: Duration,
    jitter: Mutex<Jitter>,
}

/// What became of each call of a request, by place; in the order in which it became known.
type Settled = Vec<(usize, Fate)>;

impl<'a> Courier<'a> {
    pub(crate) fn new(
        destination: &'a dyn Destination,
        flow: &'a Flow,
        request_timeout: Duration,
        seed: u64,
    ) -> Self {
        Self {
            destination,
            flow,
            request_timeout,
            jitter: Mutex::new(Jitter::new(seed)),
        }
    }

    /// Sends calls, and says what became of each. `None` is a call about which nothing is known for certain, because the
    /// run is over.
    pub(crate) async fn deliver(&self, calls: &[Call]) -> Vec<Option<Fate>> {
        let mut fates: Vec<Option<Fate>> = vec![None; calls.len()];
        // A profile may make the user that the events need, so profiles go first.
        for operation in Operation::ALL {
            for (place, fate) in self.deliver_operation(operation, calls).await {
                if let Some(slot) = fates.get_mut(place) {
                    *slot = Some(fate);
                }
            }
        }
        fates
    }

    /// Has users made that the destination does not know, so that their events can be taken in a later run.
    pub(crate) async fn make_users(&self, users: Vec<User>, now_ms: i64) {
        let updates: Vec<Call> = users
            .into_iter()
            .map(|user| Call {
                operation: Operation::Profile,
                id: user.name().to_owned(),
                json: UserUpdate {
                    user: &user,
                    data_fields: JsonObject::default(),
                }
                .into_json(),
                user,
                event_name: String::new(),
                at_ms: now_ms,
                notes: Vec::new(),
            })
            .collect();
        let made = self
            .deliver(&updates)
            .await
            .iter()
            .filter(|fate| **fate == Some(Fate::Sent))
            .count();
        info!(asked = updates.len(), made, "had unknown users made");
    }

    async fn deliver_operation(&self, operation: Operation, calls: &[Call]) -> Settled {
        let places = calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call.operation == operation);
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        if places.is_empty() {
            return Settled::new();
        }
        let packed = pack(calls, places, &self.destination.limits(operation));
        let too_large = RejectReason::TooLarge.because("larger than a whole request may be");
        let mut settled: Settled = packed
            .too_large
            .into_iter()
            .map(|place| (place, Fate::Rejected(too_large.clone())))
            .collect();

        let trains = packed
            .trains
            .into_iter()
            .map(|train| Box::pin(self.run_train(operation, calls, train)));
        let mut running = stream::iter(trains).buffer_unordered(CONCURRENT_TRAINS);
        while let Some(more) = running.next().await {
            settled.extend(more);
        }
        settled
    }

    async fn run_train(&self, operation: Operation, calls: &[Call], train: Train) -> Settled {
        let mut settled = Settled::new();
        // Requests still to be sent, the next one last.
        let mut open: Vec<Vec<usize>> = train.into_iter().rev().collect();
        while let Some(places) = open.pop() {
            let Ok((known, further)) = self.request(operation, calls, &places).await else {
                break;
            };
            let own_place = |place: usize| places.get(place).copied();
            settled.extend(
                known
                    .into_iter()
                    .filter_map(|(place, fate)| Some((own_place(place)?, fate))),
            );
            for group in further.into_iter().rev() {
                open.push(group.into_iter().filter_map(own_place).collect());
            }
        }
        settled
    }

    /// Sends one request until there is an answer that says something about its calls.
    async fn request(
        &self,
        operation: Operation,
        calls: &[Call],
        places: &[usize],
    ) -> Result<(Settled, Vec<Vec<usize>>), Ended> {
        let request: Vec<&Call> = places
            .iter()
            .filter_map(|place| calls.get(*place))
            .collect();
        let interval = self.destination.limits(operation).interval;
        let mut failures = 0;
        loop {
            self.flow.turn(operation, interval).await?;
            let time_limit = self
                .flow
                .window()
                .time_for_answer(Instant::now())
                .min(self.request_timeout);
            let answer = self.destination.send(operation, &request, time_limit).await;
            match decide(&request, answer) {
                Decision::Go { settled, further } => {
                    self.flow.recovered();
                    return Ok((settled, further));
                }
                Decision::Again {
                    retry_after,
                    detail,
                } => {
                    failures += 1;
                    let wait = self.wait(failures, retry_after);
                    warn!(
                        operation = operation.as_str(),
                        failures,
                        wait_ms = wait.as_millis(),
                        detail,
                        "destination is busy"
                    );
                    self.flow.pause(wait, detail);
                }
                Decision::Stop(detail) => {
                    self.flow.end(RunEnd::DestinationRefused(detail));
                    return Err(Ended);
                }
            }
        }
    }

    fn wait(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
        let mut jitter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        delay(failures, retry_after, &mut jitter)
    }
}
