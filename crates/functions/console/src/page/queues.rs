//! What waits in the queues, and what was given up.

use maud::{Markup, html};

use crate::{
    queues::{QueueState, Queues},
    text::grouped,
};

/// The section of the overview; nothing for a console that knows no queue.
pub(super) async fn section(queues: &Queues) -> Markup {
    let states = queues.look().await;
    html! {
        @if !states.is_empty() {
            section.panel { h2 { "Queues" } (table(&states)) }
        }
    }
}

fn table(states: &[QueueState]) -> Markup {
    let dead = states
        .iter()
        .filter_map(|state| state.depths)
        .any(|depths| depths.dead > 0);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Queues" {
            table {
                thead { tr { th scope="col" { "Queue" } th.num scope="col" { "Waiting" } th.num scope="col" { "In work" } th.num scope="col" { "Dead letters" } th scope="col" { "Function" } } }
                tbody {
                    @for state in states {
                        @let (words, function) = state.name.words();
                        tr {
                            th scope="row" { (words) }
                            @match state.depths {
                                Some(depths) => {
                                    td.num { (grouped(depths.own.visible)) } td.num { (grouped(depths.own.in_flight)) }
                                    td.num { @if depths.dead > 0 { span.err { (grouped(depths.dead)) } } @else { "0" } }
                                },
                                None => td colspan="3" { span.note { "not counted" } },
                            }
                            td { (function) }
                        }
                    }
                }
            }
        }
        @if dead {
            p.warn { "A dead letter failed so often that SQS set it aside; it is kept for 14 days. The function's log (" code { "cistern logs" } ") tells why; docs/operations.md says how to send it back." }
        }
        p.note { "SQS's own approximate counts, of this moment." }
    }
}

#[cfg(test)]
mod tests {
    use aws_io::queue::Depth;

    use super::*;
    use crate::queues::{Depths, QueueName};

    #[test]
    fn dead_letters_are_told_with_what_to_do() {
        let state = |dead| QueueState {
            name: QueueName::Load,
            depths: Some(Depths {
                own: Depth {
                    visible: 1_234,
                    in_flight: 5,
                },
                dead,
            }),
        };
        let unknown = QueueState {
            name: QueueName::Archive,
            depths: None,
        };

        let calm = table(&[state(0), unknown]).into_string();
        let dead = table(&[state(3)]).into_string();

        assert!(
            calm.contains("1\u{202f}234") && calm.contains("not counted"),
            "{calm}"
        );
        assert!(!calm.contains("set it aside"));
        assert!(
            dead.contains("set it aside") && dead.contains(">3<"),
            "{dead}"
        );
    }
}
