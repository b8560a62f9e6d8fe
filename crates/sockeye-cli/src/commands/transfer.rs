//! Follows a transfer of the library from its first event to its end: what `send` and `receive` have in common.

use std::{
    future::Future,
    io::{self, IsTerminal},
};

use sockeye::{Decision, Event, Offer, Transfer};
use tokio::sync::mpsc;

use super::{log, runtime};
use crate::{
    args::{SharedArgs, resolve},
    exit::Exit,
    output::{
        Report,
        human::{Human, Scene},
        json::Json,
    },
    prompt, signals,
    trouble::Trouble,
};

/// Starts a transfer and follows it. `keep`: several may come, until cancelled.
pub(super) fn run(
    shared: &SharedArgs,
    scene: Scene,
    keep: bool,
    start: impl FnOnce() -> Result<Transfer, sockeye::Error>,
) -> Result<Exit, Trouble> {
    log(shared.verbose);
    let by_hand = scene.by_hand;
    let report: Box<dyn Report> =
        if shared.json { Box::new(Json) } else { Box::new(Human::new(scene, io::stderr().is_terminal())) };
    let mut follower = Follower {
        begins: by_hand.then(prompt::answers),
        report,
        keep,
        asking: if can_ask(shared) {
            Asking::Person { answers: None, open: false }
        } else {
            Asking::Nobody { declined: false }
        },
        partly: false,
        unread: None,
    };
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let transfer = start()?;
        signals::cancel_on_signal(transfer.canceller());
        signals::outlive_file_limits();
        follower.follow(transfer).await
    });
    let exit = outcome.unwrap_or_else(|trouble| follower.fail(&trouble));
    // A thread of the library that still closes a file does not hold the end up.
    runtime.shutdown_background();
    Ok(exit)
}

/// Whether something did not arrive somewhere.
fn is_partial(summary: &sockeye::Summary) -> bool {
    let whole = |receiver: &sockeye::ReceiverState| {
        receiver.phase == sockeye::ReceiverPhase::Done && receiver.failed == 0
    };
    summary.failed > 0 || !summary.receivers.iter().all(whole)
}

/// Whether somebody is there to answer a question.
pub(super) fn can_ask(shared: &SharedArgs) -> bool {
    !shared.json && prompt::is_possible()
}

/// Sees to it that a route which dials a host has a code: asks for it, or says how to give it.
pub(super) fn complete_route(
    route: &mut sockeye::Route,
    shared: &SharedArgs,
    how: &str,
) -> Result<(), Trouble> {
    if resolve::lacks_code(route) {
        if !can_ask(shared) {
            return Err(Trouble::Usage(format!("there is no code and nobody to ask: {how}")));
        }
        let (code, target) = prompt::code()?;
        resolve::supply_code(route, code, target, shared.port);
    } else if let sockeye::Route::Dial(sockeye::DialConfig { code: Some(code), .. }) = route
        && !shared.json
        && !shared.quiet
        && io::stderr().is_terminal()
        && let Some(meant) = prompt::doubt(code)
    {
        crate::output::say(&format!(
            "Not a code that sockeye makes by itself; if it fails, did you mean {meant}?"
        ));
    }
    resolve::check_route(route)
}

/// Who is asked whether to accept an offer.
enum Asking {
    /// There is no terminal, or events go to a program.
    Nobody {
        /// An offer was declined for that reason.
        declined: bool,
    },
    /// Somebody at the terminal.
    Person {
        /// Lines from standard input, from the first question on.
        answers: Option<mpsc::UnboundedReceiver<String>>,
        /// A question stands unanswered.
        open: bool,
    },
}

impl Asking {
    /// The answer to the question that stands; nothing when standard input has ended. Waits for ever if none stands.
    async fn answer(&mut self) -> Option<String> {
        match self {
            Self::Person { answers: Some(answers), open: true } => answers.recv().await,
            _ => std::future::pending().await,
        }
    }
}

/// The next line typed, where lines mean something.
async fn next_line(lines: &mut Option<mpsc::UnboundedReceiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

struct Follower {
    report: Box<dyn Report>,
    /// Lines from standard input, where one lets a delivery begin.
    begins: Option<mpsc::UnboundedReceiver<String>>,
    keep: bool,
    asking: Asking,
    /// Entries did not arrive.
    partly: bool,
    /// Standard output could not be written.
    unread: Option<io::Error>,
}

impl Follower {
    async fn follow(&mut self, mut transfer: Transfer) -> Result<Exit, Trouble> {
        loop {
            tokio::select! {
                event = transfer.next() => match event {
                    Some(event) => self.happened(&event, &transfer),
                    None => break,
                },
                line = next_line(&mut self.begins) => match line {
                    Some(_) => transfer.begin(),
                    None => self.begins = None,
                },
                answer = self.asking.answer() => self.answered(answer.as_deref(), &transfer),
            }
        }
        self.end(transfer.finish()).await
    }

    async fn end(
        &mut self,
        finish: impl Future<Output = Result<sockeye::Summary, sockeye::Error>>,
    ) -> Result<Exit, Trouble> {
        let outcome = finish.await;
        if let Some(error) = self.unread.take() {
            return Err(Trouble::output(error));
        }
        match outcome {
            Ok(summary) => {
                if !self.keep {
                    self.partly = is_partial(&summary);
                    self.report.done(&summary).map_err(Trouble::output)?;
                }
                Ok(if self.partly { Exit::Partly } else { Exit::Done })
            }
            Err(sockeye::Error::DeclinedHere { .. }) if matches!(self.asking, Asking::Nobody { declined: true }) => Err(Trouble::Usage(
                "nobody can be asked whether to accept this (no terminal, or --json), so it was declined: \
                 add -y to accept without asking"
                    .to_owned(),
            )),
            Err(error) => Err(error.into()),
        }
    }

    fn happened(&mut self, event: &Event, transfer: &Transfer) {
        let told = match event {
            Event::Finished(summary) if self.keep => {
                self.partly |= is_partial(summary);
                self.report.done(summary)
            }
            event => self.report.event(event),
        };
        if let Err(error) = told {
            transfer.canceller().cancel();
            self.unread.get_or_insert(error);
        }
        if let Event::Offer(offer) = event {
            self.offered(offer, transfer);
        }
    }

    fn offered(&mut self, offer: &Offer, transfer: &Transfer) {
        match &mut self.asking {
            Asking::Nobody { declined } => {
                *declined = true;
                transfer.decide(Decision::Decline { reason: "nobody is there to accept it".to_owned() });
            }
            Asking::Person { answers, open } => {
                // Lines typed before this question do not answer it.
                let answers = answers.get_or_insert_with(prompt::answers);
                while answers.try_recv().is_ok() {}
                // Written to standard error, where failure is not noticed.
                let _ = self.report.question(offer);
                prompt::ask("Accept? [y/N] ");
                *open = true;
            }
        }
    }

    fn answered(&mut self, answer: Option<&str>, transfer: &Transfer) {
        if let Asking::Person { open, .. } = &mut self.asking {
            *open = false;
        }
        transfer.decide(match answer {
            Some(answer) if prompt::is_yes(answer) => Decision::Accept,
            _ => Decision::Decline { reason: "answered no at the terminal".to_owned() },
        });
    }

    fn fail(&mut self, trouble: &Trouble) -> Exit {
        if matches!(self.asking, Asking::Person { open: true, .. }) {
            prompt::ask("\n"); // the line of the question that nobody answered
        }
        let exit = trouble.exit();
        if !matches!(trouble, Trouble::Silent(_)) {
            // If this cannot be written there is nobody left to tell.
            let _ = self.report.trouble(trouble, exit);
        }
        exit
    }
}
