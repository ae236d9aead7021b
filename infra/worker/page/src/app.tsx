import { spoken } from "./announce";
import { t } from "./i18n";
import { Banner } from "./parts/Banner";
import { Composer } from "./parts/Composer";
import { Footer } from "./parts/Footer";
import { Header } from "./parts/Header";
import { JobList } from "./parts/JobList";
import { TokenDialog } from "./parts/TokenDialog";

/** The page: what is being put together on one side, what became of it on the other. */
export function App() {
  return (
    <>
      <a class="skip" href="#jobs">
        {t("common.skip")}
      </a>
      <Header />
      <Banner />
      <main>
        <Composer />
        <JobList />
      </main>
      <Footer />
      <TokenDialog />
      <p class="unseen" role="status">
        {spoken}
      </p>
    </>
  );
}
