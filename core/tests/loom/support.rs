//! The check of a model, and of its twins.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use dpdkgen_core::sync::modelled::Twin;

/// A model: some threads, the claim that has to hold of them, and the orderings on which it
/// depends.
pub struct Model {
    /// The claim that has to hold.
    pub name: &'static str,
    /// The most times that threads are interrupted in an execution; `None` is any number.
    pub preemptions: Option<usize>,
    /// The code of one execution.
    pub run: fn(),
    /// The twins in which it does not hold.
    pub catches: &'static [Twin],
}

/// The claim that did not hold.
struct Broken(&'static str);

/// Ends the model, of which `what` is then said, if `condition` does not hold.
pub fn hold(condition: bool, what: &'static str) {
    if !condition {
        panic_any(Broken(what));
    }
}

/// Puts `value` where threads can borrow it, for good: to the compiler, those of loom may outlive
/// whoever starts them.
pub fn share<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Checks each model, which has to hold, and its twins, which have not.
pub fn check(models: &[Model]) {
    for model in models {
        let name = model.name;
        match model.outcome() {
            Ok(executions) => println!("{name}: {executions} executions"),
            Err(what) => panic!("{name}: {what}"),
        }
        for twin in model.catches {
            match twin.run(|| model.outcome()) {
                Ok(_) => panic!("{name}: {twin:?} is not caught"),
                Err(what) => println!("{name}: {twin:?}: {what}"),
            }
        }
    }
}

impl Model {
    /// Returns after how many executions the model was found to hold, or what did not.
    pub fn outcome(&self) -> Result<usize, &'static str> {
        be_quiet_about_what_is_broken();
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = self.preemptions;
        builder.max_branches = 100_000;
        let executions: &AtomicUsize = share(AtomicUsize::new(0));
        let run = self.run;
        let checked = catch_unwind(AssertUnwindSafe(|| {
            builder.check(move || {
                executions.fetch_add(1, Relaxed);
                run();
            });
        }));
        match checked.map_err(Box::<dyn Any + Send>::downcast::<Broken>) {
            Ok(()) => Ok(executions.load(Relaxed)),
            Err(Ok(broken)) => Err(broken.0),
            // Such as too long an execution: nothing that a model is about.
            Err(Err(other)) => resume_unwind(other),
        }
    }
}

fn be_quiet_about_what_is_broken() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !panic.payload().is::<Broken>() {
                loud(panic);
            }
        }));
    });
}
