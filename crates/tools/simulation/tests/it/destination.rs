//! A model of the destination of app events, behind the forwarder's own interface for one: an event is known by its id, and accepting it
//! twice changes nothing.

use std::{collections::BTreeMap, future::pending, sync::Arc, time::Duration};

use event_mapping::{Call, FailureCause, Operation};
use forwarder::destination::{Address, Destination, Failure, Limits, Response};
use futures::future::BoxFuture;

use crate::{process::Process, world::World};

/// What the destination has accepted: how often each id.
pub(crate) type Received = BTreeMap<String, usize>;

/// The destination, as a process of the forwarder reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) world: World,
    pub(crate) process: Arc<Process>,
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    Unavailable,
    SomeFail,
    Lost,
    KilledBefore,
    KilledAfter,
}

impl Destination for Model {
    fn limits(&self, _operation: Operation) -> Limits {
        Limits {
            calls: 3,
            body_bytes: 1 << 20,
            interval: Duration::from_millis(100),
        }
    }

    fn send<'a>(
        &'a self,
        _operation: Operation,
        calls: &'a [&'a Call],
        time_limit: Duration,
    ) -> BoxFuture<'a, Response> {
        Box::pin(async move {
            let sent = tokio::time::timeout(time_limit, self.answer(calls)).await;
            sent.unwrap_or_else(|_| transient("no response in time"))
        })
    }
}

impl Model {
    async fn answer(&self, calls: &[&Call]) -> Response {
        let (trouble, before_ms, after_ms) = self.trouble();
        self.world.wait_ms(before_ms).await;
        let ids: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
        let name = &self.process.name;
        self.world
            .note(format_args!("{name}: sends {ids:?} {trouble:?}"));
        match trouble {
            Trouble::Unavailable => return transient("503"),
            Trouble::KilledBefore => return self.end().await,
            Trouble::None | Trouble::SomeFail | Trouble::Lost | Trouble::KilledAfter => {}
        }
        let failing = usize::from(trouble == Trouble::SomeFail);
        for id in ids.iter().skip(failing) {
            let mut state = self.world.lock();
            *state.destination.entry((*id).to_owned()).or_default() += 1;
        }
        self.world.wait_ms(after_ms).await;
        match trouble {
            Trouble::Lost => transient("the connection is cut"),
            Trouble::KilledAfter => self.end().await,
            Trouble::SomeFail => Response::Accepted {
                failures: vec![Failure {
                    address: Address::Id(ids[0].to_owned()),
                    cause: FailureCause::UnknownUser,
                }],
                failed_count: 1,
            },
            Trouble::None | Trouble::Unavailable | Trouble::KilledBefore => Response::ALL_ACCEPTED,
        }
    }

    fn trouble(&self) -> (Trouble, u64, u64) {
        let mut dice = self.process.dice.lock().unwrap();
        let faults = &mut self.world.lock().faults;
        let mut trouble = Trouble::None;
        if faults.left > 0 && dice.chance(1, faults.one_in) {
            faults.left -= 1;
            trouble = *dice.pick(&[
                Trouble::Unavailable,
                Trouble::SomeFail,
                Trouble::Lost,
                Trouble::KilledBefore,
                Trouble::KilledAfter,
            ]);
        }
        (trouble, dice.between(1, 200), dice.between(1, 200))
    }

    async fn end(&self) -> Response {
        self.process.kill();
        pending().await
    }
}

fn transient(detail: &str) -> Response {
    Response::Transient {
        retry_after: None,
        detail: detail.to_owned(),
    }
}
