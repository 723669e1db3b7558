//! The models behind the SDK's interface for HTTP clients, and the clients of a process.

use std::{
    future::pending,
    sync::{Arc, OnceLock},
};

use aws_io::{Aws, S3Client, SecretsClient, SqsClient};
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition};
use aws_smithy_runtime_api::client::{
    http::{
        HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};

use crate::{
    call::{Call, Reply},
    fault::Fault,
    process::Process,
    world::World,
};

/// The connections of a process.
#[derive(Clone, Debug)]
struct Connector {
    world: World,
    process: Arc<Process>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.answer(request).await })
    }
}

impl Connector {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let call = Call::of(request).await;
        let (fault, before_ms, after_ms) = {
            let mut dice = self.process.dice.lock().unwrap();
            let fault = self.world.lock().next_fault(&call, &mut dice);
            (fault, wait_ms(&mut dice), wait_ms(&mut dice))
        };
        self.world.wait_ms(before_ms).await;
        match fault {
            Fault::Refused(status, code) => {
                self.note(&call, fault, None);
                return Ok(Reply::error(&call, status, code).to_http(false));
            }
            Fault::Cut => {
                self.note(&call, fault, None);
                return Err(ConnectorError::io("the connection is cut".into()));
            }
            Fault::Silence => {
                self.note(&call, fault, None);
                return pending().await;
            }
            Fault::KilledBefore => {
                self.note(&call, fault, None);
                self.process.kill();
                return pending().await;
            }
            Fault::Late(later_ms) => {
                let connector = self.clone();
                // It goes on when the process has ended, since the request has left it.
                tokio::spawn(async move {
                    connector.world.wait_ms(later_ms).await;
                    connector.apply(&call, fault);
                });
                return pending().await;
            }
            Fault::None | Fault::Lost | Fault::Truncated | Fault::KilledAfter => {}
        }
        let reply = self.apply(&call, fault);
        self.world.wait_ms(after_ms).await;
        match fault {
            Fault::Lost => Err(ConnectorError::io("the connection is cut".into())),
            Fault::KilledAfter => {
                self.process.kill();
                pending().await
            }
            Fault::Truncated => Ok(reply.to_http(true)),
            Fault::None
            | Fault::Refused(..)
            | Fault::Cut
            | Fault::Silence
            | Fault::Late(_)
            | Fault::KilledBefore => Ok(reply.to_http(false)),
        }
    }

    fn apply(&self, call: &Call, fault: Fault) -> Reply {
        let reply = self.world.lock().apply(call);
        self.note(call, fault, Some(&reply));
        if call.is_write() {
            self.world.check();
        }
        reply
    }

    fn note(&self, call: &Call, fault: Fault, reply: Option<&Reply>) {
        let name = &self.process.name;
        let status = reply.map_or(0, |reply| reply.status);
        self.world
            .note(format_args!("{name}: {call} -> {status} {fault:?}"));
    }
}

/// How long half of a call takes: mostly some milliseconds, at times a second.
fn wait_ms(dice: &mut crate::dice::Dice) -> u64 {
    match dice.below(20) {
        0 => dice.between(100, 1500),
        _ => dice.between(1, 30),
    }
}

/// The clients of a process.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) s3: S3Client,
    pub(crate) secrets: SecretsClient,
    pub(crate) sqs: SqsClient,
}

impl Clients {
    /// The production's clients, timeouts and retries, with the models instead of connections. The random part of the waits between
    /// attempts is left out, and nothing is shared with another process.
    pub(crate) fn of(world: &World, process: &Arc<Process>) -> Self {
        let connector = SharedHttpConnector::new(Connector {
            world: world.clone(),
            process: Arc::clone(process),
        });
        let http: SharedHttpClient = http_client_fn(move |_, _| connector.clone());
        let partition = RetryPartition::custom("simulation").build();
        let base = base();
        let s3 = base.s3.config().to_builder();
        let secrets = base.secrets.config().to_builder();
        let sqs = base.sqs.config().to_builder();
        Self {
            s3: S3Client::from_conf(
                s3.http_client(http.clone())
                    .retry_config(steady(base.s3.config().retry_config()))
                    .retry_partition(partition.clone())
                    .build(),
            ),
            secrets: SecretsClient::from_conf(
                secrets
                    .http_client(http.clone())
                    .retry_config(steady(base.secrets.config().retry_config()))
                    .retry_partition(partition.clone())
                    .build(),
            ),
            sqs: SqsClient::from_conf(
                sqs.http_client(http)
                    .retry_config(steady(base.sqs.config().retry_config()))
                    .retry_partition(partition)
                    .build(),
            ),
        }
    }
}

fn steady(config: Option<&RetryConfig>) -> RetryConfig {
    let config = config.expect("the clients have a configuration of retries");
    config.clone().with_use_static_exponential_base(true)
}

/// Clients of which those of the processes are made.
fn base() -> &'static Clients {
    static BASE: OnceLock<Clients> = OnceLock::new();
    BASE.get_or_init(|| {
        let thread = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let aws = runtime
                .unwrap()
                .block_on(Aws::local("http://models.invalid"));
            Clients {
                s3: aws.s3(),
                secrets: aws.secrets(),
                sqs: aws.sqs(),
            }
        });
        thread.join().unwrap()
    })
}
