"use strict";

const form = new SettingsForm();
const gallery = new Gallery((settings) => {
  form.use(settings);
  announce("Settings taken.");
  form.picker.input.focus();
  document.getElementById("form").scrollIntoView({ block: "nearest" });
  form.picker.close();
});
const jobs = new Set();

/** Shows a job and follows it. */
function follow(job) {
  const card = new JobCard(job, gallery, (ended, isClosed) => {
    jobs.delete(ended);
    keepJobs((kept) => kept.filter(({ id }) => id !== ended.job.id));
    if (!jobs.size) document.title = "dit";
    if (isClosed) gallery.count();
  });
  jobs.add(card);
  document.getElementById("jobs").append(card.card);
  gallery.count();
  card.follow();
  return card;
}

/** Changes the list of running jobs, which outlives a reload. Other tabs have theirs in it too. */
function keepJobs(change) {
  memory.set("jobs", change(memory.get("jobs", [])));
}

form.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = document.getElementById("draw");
  const settings = form.capabilities && !button.ariaDisabled ? form.read() : null;
  if (!settings) return;
  button.ariaDisabled = "true";
  try {
    const response = await request("api/v1/jobs", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: settingsJSON(settings),
    });
    const job = await response.json();
    const { id: model, built_in: isBuiltIn, image_size: size } = form.capabilities.model;
    const running = {
      id: job.id, name: form.picker.value.name, size, model, isBuiltIn,
      // The seed in all digits.
      settings: { ...job.request, seed: settings.seed }, time: Date.now(),
    };
    keepJobs((kept) => [...kept, running]);
    follow(running).card.scrollIntoView({ block: "nearest" });
    announce("The server has taken the request.");
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    form.refuse(error.field, error.message);
    // The server may come back with another model.
    if (error.status === 0) learn();
  } finally {
    button.ariaDisabled = null;
  }
});

/** Learns what the server can do; waits while it loads its model or does not answer. */
async function learn() {
  for (;;) {
    try {
      const answers = await Promise.all(["capabilities", "classes"].map((path) => request(`api/v1/${path}`)));
      const [capabilities, { classes }] = await Promise.all(answers.map((answer) => answer.json()));
      const { id, image_size: size, precision, device } = capabilities.model;
      document.getElementById("model").textContent = `${id} · ${size} × ${size} · ${precision} · ${device}`;
      return form.begin(capabilities, classes);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (error.isFinal) return form.say(error.message);
      showState(error.status === 503 ? "wait" : "bad", error.status === 503 ? "The model is loading" : error.message);
      await pause(1500);
    }
  }
}

async function begin() {
  await gallery.begin();
  await learn();
  if (form.capabilities) memory.get("jobs", []).forEach((job) => follow(job));
}

begin();
